"""Defaults and descriptions of the configuration's keys, for config.yaml and the documentation."""

from __future__ import annotations

from types import UnionType
from typing import Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from ilora.configuration.section import Section


def section_of(field: FieldInfo) -> type[Section] | None:
    """Return the section class of a field; None for a plain value."""
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def ordered_fields(section: type[Section]) -> dict[str, FieldInfo]:
    """Return a section's fields, with its own before inherited ones."""
    own = {name: field for name, field in section.model_fields.items() if name in section.__annotations__}
    return own | section.model_fields


def default_in_yaml(field: FieldInfo) -> str:
    """Return a field's default as YAML on one line."""
    default = field.default
    value = list(default) if isinstance(default, tuple) else default
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def description_of(field: FieldInfo) -> str:
    """Return a field's description, followed by its allowed values if these are a fixed set."""
    allowed = ", ".join("null" if value is None else str(value) for value in _allowed(field.annotation))
    return f"{field.description} [{allowed}]" if allowed else str(field.description)


def _allowed(annotation: object) -> list[object]:
    """Return the values of the Literals in an annotation, in order, including None if null is allowed."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) is dict:
        return []
    if _is_more_than_literals(annotation):
        return []
    found = [value for part in get_args(annotation) for value in _allowed(part)]
    return found + [None] if found and type(None) in get_args(annotation) else found


def _is_more_than_literals(annotation: object) -> bool:
    """Return whether a union allows other values than those of its Literals and null."""
    if get_origin(annotation) not in (Union, UnionType):
        return False
    return any(not _allowed(part) for part in get_args(annotation) if part is not type(None))
