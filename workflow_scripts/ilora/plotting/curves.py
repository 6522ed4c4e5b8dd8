"""Curves of several methods in one panel, shifted so that their intervals do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: Shift between two curves, as a share of the distance between two places.
_SHIFT = 0.09


def draw_curve(axes: Axes, rows: pd.DataFrame, place: str, name: str, beside: tuple[int, int], **style: Any) -> None:
    """Draw one curve with its intervals; a row without a value leaves its place empty.

    Args:
        axes: the panel.
        rows: rows of the curve, in order.
        place: column of the places on the horizontal axis, one apart.
        name: column of the values; ``NAME_low`` and ``NAME_high`` are the ends of their intervals.
        beside: number of the curve, and the number of curves at the same places.
        style: keyword arguments of `Axes.errorbar`.
    """
    rows = rows[rows[name].notna()]
    number, curves = beside
    # An unknown end is not drawn.
    below = (rows[name] - rows[f"{name}_low"]).clip(lower=0).fillna(0)
    above = (rows[f"{name}_high"] - rows[name]).clip(lower=0).fillna(0)
    places = rows[place] + _SHIFT * (number - (curves - 1) / 2)
    axes.errorbar(places, rows[name], yerr=[below, above], elinewidth=0.6, markersize=3.5, **style)


def label_places(axes: Axes, labels: Sequence[object], meaning: str) -> None:
    """Label the places 0, 1, 2, ... of the horizontal axis."""
    axes.set_xticks(range(len(labels)), [str(label) for label in labels])
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_xlabel(meaning)
