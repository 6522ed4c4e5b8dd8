"""What all sections of the configuration have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class ChangedDefault:
    """Marks a field whose default is no longer its first one: ``steps: Annotated[Count, CHANGED_DEFAULT] = 700``.

    `Section.plain` leaves out what is at its default, so that a new option reruns nothing. Where a default changes,
    what was left out before would mean something else: such a field is always written.
    """


CHANGED_DEFAULT = ChangedDefault()


class Section(BaseModel):
    """A part of the configuration: frozen, and with no key but the declared ones.

    Attributes:
        RENAMED: keys of earlier versions, with what they are called now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, title=None)

    RENAMED: ClassVar[Mapping[str, str]] = {}

    def plain(self, *keys: str) -> dict[str, Any]:
        """Return what differs from the defaults, as values that JSON can hold: what a rule's ``params`` carry.

        A rule runs again when its ``params`` change, so a new option that is left at its default reruns nothing.

        Args:
            keys: those that the rule's script reads; none for all.
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
        """Return the section of which `plain` gave these values.

        Raises:
            pydantic.ValidationError: when they are no such values.
        """
        # Through JSON: lists become the model's tuples, while text stays no number and true stays no 1.
        return cls.model_validate_json(json.dumps(values, default=str))


def _is_written(field: FieldInfo, value: object) -> bool:
    is_changed = any(isinstance(mark, ChangedDefault) for mark in field.metadata)
    return is_changed or field.is_required() or value != field.get_default(call_default_factory=True)
