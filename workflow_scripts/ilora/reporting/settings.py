"""The resolved settings of a study as HTML tables."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ilora.plotting.html_page import html_table


def settings_table(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return all settings as an HTML table: key, value, and the default if it differs.

    Args:
        settings: nested settings, with JSON values.
        defaults: defaults of the same keys, except those that only this study has.
    """
    usual = dict(_flatten(defaults))
    rows = [
        (key, _written(value), "" if value == usual.get(key, value) else _written(usual[key]))
        for key, value in _flatten(settings)
    ]
    return html_table(("Setting", "Value", "Default, if different"), rows)


def settings_by_dataset(settings: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """Return the settings that may differ between data sets as an HTML table with a column for each data set.

    Args:
        settings: settings of each data set, with the same keys.
        labels: label of each data set.
    """
    columns = [dict(_flatten(values)) for values in settings.values()]
    rows = [[key, *(_written(column[key]) for column in columns)] for key in columns[0]]
    return html_table(("Setting", *(labels[dataset] for dataset in settings)), rows)


def _flatten(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values; an empty mapping counts as a value."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _written(value: object) -> str:
    """Return a value as it is written in YAML."""
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value)
