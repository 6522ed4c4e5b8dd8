"""The resolved settings of a study as rows to be read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ilora.plotting.html_page import html_table


def settings_table(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return every setting as an HTML table: its key, its value, and the default where that is another.

    Args:
        settings: nested, of values that JSON can hold.
        defaults: of the same keys, save those that only this study has.
    """
    usual = dict(_flatten(defaults))
    rows = [
        (key, _written(value), "" if value == usual.get(key, value) else _written(usual[key]))
        for key, value in _flatten(settings)
    ]
    return html_table(("Setting", "Value", "Default, where it is another"), rows)


def settings_by_dataset(settings: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """Return the settings that may differ between data sets as an HTML table, a column for each data set.

    Args:
        settings: for each data set, settings of the same keys.
        labels: how each data set is called.
    """
    columns = [dict(_flatten(values)) for values in settings.values()]
    rows = [[key, *(_written(column[key]) for column in columns)] for key in columns[0]]
    return html_table(("Setting", *(labels[dataset] for dataset in settings)), rows)


def _flatten(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values; an empty mapping is a value."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _written(value: object) -> str:
    """Return a value as YAML would take it."""
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value)
