"""No default changes unnoticed.

A rule's ``params`` omit options at their default (`Section.plain`), so that a new option reruns nothing. Existing
artifacts were made with the first default of each option, which `first_defaults.json` records. After adding or removing
an option, run

    .venv/bin/python tests/unit/configuration/test_defaults.py

which adds and removes lines, but never changes one.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic_core import to_jsonable_python

import ilora.configuration
from ilora.configuration.section import CHANGED_DEFAULT, ChangedDefault, Section

RECORD = Path(__file__).with_name("first_defaults.json")
COMMAND = ".venv/bin/python tests/unit/configuration/test_defaults.py"


def sections(parent: type[Section] = Section) -> Iterator[type[Section]]:
    """Yield the sections of the configuration; the top-level options of `StudyConfig` decide which jobs exist."""
    for module in pkgutil.walk_packages(ilora.configuration.__path__, "ilora.configuration."):
        importlib.import_module(module.name)
    for section in parent.__subclasses__():
        if section.__module__.startswith("ilora.configuration.") and section.__name__ != "StudyConfig":
            yield section
        yield from sections(section)


def defaults(section: type[Section]) -> dict[str, tuple[Any, bool]]:
    """Return the default of each option that a section declares, and whether it is marked as changed."""
    found = {}
    for name in section.__annotations__:
        field = section.model_fields.get(name)
        if field is None or field.is_required():
            continue
        default = field.get_default(call_default_factory=True)
        if not isinstance(default, Section):
            is_marked = any(isinstance(mark, ChangedDefault) for mark in field.metadata)
            found[f"{section.__name__}.{name}"] = (to_jsonable_python(default), is_marked)
    return found


def current_defaults() -> dict[str, tuple[Any, bool]]:
    found: dict[str, tuple[Any, bool]] = {}
    for section in sections():
        of_section = defaults(section)
        assert not found.keys() & of_section.keys(), f"two sections are called {section.__name__}"
        found |= of_section
    return found


def is_the_first(default: Any, first: Any) -> bool:
    """Return whether a default is unchanged; an addition by a register for another method does not count."""
    if isinstance(default, dict) and isinstance(first, dict):
        return all(name in default and default[name] == value for name, value in first.items())
    return bool(default == first)


def complaints(current: dict[str, tuple[Any, bool]], first: dict[str, Any]) -> list[str]:
    """Return the problems with the defaults, one line each."""
    lines = [
        f"{name}: the default is {default!r}, and was {first[name]!r}. What was made with the old one would be taken "
        "for made with the new one. Mark the field, as `name: Annotated[T, CHANGED_DEFAULT] = ...`, so that rules "
        "write its value always"
        for name, (default, is_marked) in current.items()
        if name in first and not is_marked and not is_the_first(default, first[name])
    ]
    lines += [f"{name}: a new option; record its default: {COMMAND}" for name in current if name not in first]
    lines += [f"{name}: recorded, but no option; forget it: {COMMAND}" for name in first if name not in current]
    return lines


def record() -> None:
    """Add new options to the record and remove deleted ones."""
    first = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    kept = {name: first.get(name, default) for name, (default, _) in sorted(current_defaults().items())}
    RECORD.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def test_every_default_is_the_first_one_or_marked() -> None:
    assert complaints(current_defaults(), json.loads(RECORD.read_text(encoding="utf-8"))) == []


class Small(Section):
    steps: int = 10
    kept: Annotated[int, CHANGED_DEFAULT] = 3
    table: dict[str, int] = {"a": 1, "b": 2}
    needed: str


@pytest.mark.parametrize(
    ("first", "complaint"),
    [
        ({"Small.steps": 10, "Small.kept": 3, "Small.table": {"a": 1, "b": 2}}, None),
        ({"Small.steps": 10, "Small.kept": 2, "Small.table": {"a": 1}}, None),
        ({"Small.steps": 11, "Small.kept": 3, "Small.table": {}}, "Small.steps: the default is 10, and was 11.*Mark"),
        ({"Small.steps": 10, "Small.kept": 3, "Small.table": {"a": 2}}, "Small.table: the default is"),
        ({"Small.steps": 10, "Small.kept": 3, "Small.table": {"c": 2}}, "Small.table: the default is"),
        ({"Small.kept": 3, "Small.table": {}}, "Small.steps: a new option"),
        ({"Small.steps": 10, "Small.kept": 3, "Small.table": {}, "Small.old": 1}, "Small.old: recorded, but no option"),
    ],
)
def test_a_changed_default_is_complained_of(first: dict[str, Any], complaint: str | None) -> None:
    found = complaints(defaults(Small), first)
    assert len(found) == (complaint is not None)
    assert all(re.match(complaint or "", line) for line in found)


def test_a_marked_field_is_always_written() -> None:
    assert Small(needed="x").plain() == {"kept": 3, "needed": "x"}


if __name__ == "__main__":
    record()
