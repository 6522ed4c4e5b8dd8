"""Estimates with their intervals, as text for the cells of tables."""

from collections.abc import Mapping
from typing import Any

_NOTHING = "–"


def number_with_interval(row: Mapping[str, Any], name: str, digits: int) -> str:
    """Return an estimate of a row such as "0.1234 [0.1000, 0.1500]".

    Args:
        row: row with the columns NAME, NAME_low and NAME_high, each of which may be null.
        name: name of the estimate.
        digits: number of decimals.
    """
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return _NOTHING
    interval = "" if low is None or high is None else f" [{_rounded(low, digits)}, {_rounded(high, digits)}]"
    return _rounded(value, digits) + interval


def _rounded(number: float, digits: int) -> str:
    """Return the number with the given number of decimals; zero has no sign."""
    return f"{round(number, digits) + 0.0:.{digits}f}"
