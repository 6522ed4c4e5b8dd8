"""The base class of all sections of the configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class ChangedDefault:
    """Mark of a field whose default has changed: ``steps: Annotated[Count, CHANGED_DEFAULT] = 700``.

    `Section.plain` leaves out fields at their default, so that a new option reruns nothing. After a change of the
    default, a missing value would be ambiguous, so such a field is always included.
    """


CHANGED_DEFAULT = ChangedDefault()


class Section(BaseModel):
    """A part of the configuration: frozen, with only the declared keys.

    Attributes:
        RENAMED: former name of a key to its current name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, title=None)

    RENAMED: ClassVar[Mapping[str, str]] = {}

    def plain(self, *keys: str) -> dict[str, Any]:
        """Return the values that differ from the defaults, as JSON values for a rule's ``params``.

        A rule runs again when its ``params`` change, so a new option that is left at its default reruns nothing.

        Args:
            keys: keys that the rule's script reads; all if none are given.
        """
        unknown = [key for key in keys if key not in type(self).model_fields]
        assert not unknown, f"{type(self).__name__} has no {unknown}"
        values = self.model_dump(mode="json")
        plain = {}
        for name, field in type(self).model_fields.items():
            if keys and name not in keys:
                continue
            value = getattr(self, name)
            inner = value.plain() if isinstance(value, Section) else {}
            if inner or _is_written(field, value):
                plain[name] = inner if isinstance(value, Section) else values[name]
        return plain

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Return the section with these values, as returned by `plain`.

        Raises:
            pydantic.ValidationError: the values are not valid.
        """
        # Through JSON, lists become tuples, but text does not become a number, nor true 1.
        return cls.model_validate_json(json.dumps(values, default=str))


def _is_written(field: FieldInfo, value: object) -> bool:
    is_changed = any(isinstance(mark, ChangedDefault) for mark in field.metadata)
    return is_changed or field.is_required() or value != field.get_default(call_default_factory=True)
