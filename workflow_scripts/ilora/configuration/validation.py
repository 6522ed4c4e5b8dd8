"""Validation of plain values against a model, with messages that state the key, what was found and what is allowed."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ilora.configuration.problems import Problem
from ilora.configuration.section import Section
from ilora.configuration.types import PATTERNS_IN_WORDS

SectionType = TypeVar("SectionType", bound=Section)

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "greater_than": "a value greater than {gt}",
    "greater_than_equal": "a value of at least {ge}",
    "less_than": "a value less than {lt}",
    "less_than_equal": "a value of at most {le}",
    "too_short": "at least {min_length} entry",
    "string_too_long": "text of at most {max_length} characters",
    "string_too_short": "text that is not empty",
    "literal_error": "{expected}",
    "missing": "a value: it has no default",
}


#: Errors for which text that looks like a number is explained.
_NUMBERS = ("float_type", "number_or_searched")

_FOUND = {"extra_forbidden": "an unknown key", "missing": "nothing"}


class ConfigurationError(ValueError):
    """The configuration is not valid; the message has one line per problem: key, found, expected."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [f"  {problem}" for problem in self.problems]
        super().__init__("\n".join(["the configuration is not valid:", *lines]))


def validate(model: type[SectionType], values: Mapping[str, object], where: tuple[str, ...]) -> SectionType:
    """Return the section of a model with these values.

    Args:
        model: model to validate against.
        values: values as read from YAML.
        where: path of the values in the configuration, for messages.

    Raises:
        ConfigurationError: a key, type or value is wrong; the message lists all of them.
    """
    try:
        return model.read(values)
    except ValidationError as error:
        raise ConfigurationError(_problems_of(error, model, where)) from None


def _problems_of(error: ValidationError, model: type[Section], where: tuple[str, ...]) -> list[Problem]:
    """Return one problem for each key that pydantic rejects."""
    details = {
        tuple(part for part in detail["loc"] if part != "[key]"): detail for detail in error.errors(include_url=False)
    }
    return [
        Problem(
            path=_key_path((*where, *path)),
            found=_FOUND.get(detail["type"]) or show(detail["input"]),
            expected=_expected(detail, model, path),
        )
        for path, detail in details.items()
        # If every entry of a list is wrong, pydantic also reports the list as too short.
        if not any(other[:-1] == path for other in details if other)
    ]


def _key_path(path: Sequence[int | str]) -> str:
    """Return ``finetuning.snapshots[2]`` for ``("finetuning", "snapshots", 2)``."""
    keys = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(keys).lstrip(".") or "the configuration"


def show(value: object) -> str:
    """Return a value for a message, as JSON truncated to 80 characters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _expected(detail: ErrorDetails, model: type[Section], path: tuple[int | str, ...]) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _expected_key(model, path)
    if kind == "string_pattern_mismatch":
        return PATTERNS_IN_WORDS[detail["ctx"]["pattern"]]
    template = _EXPECTED.get(kind)
    text = detail["msg"] if template is None else template.format(**detail.get("ctx", {}))
    return text.replace("'", "") + (_number_hint(detail["input"]) if kind in _NUMBERS else "")


def _number_hint(value: object) -> str:
    """Explain that YAML reads 3e-3 as text."""
    try:
        return f" (YAML reads this as text; write {float(str(value))!r})" if isinstance(value, str) else ""
    except ValueError:
        return ""


def _expected_key(model: type[Section], path: tuple[int | str, ...]) -> str:
    """Return the keys that are allowed in place of an unknown one, and the closest of them."""
    annotation: object = model
    for part in path[:-1]:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            assert isinstance(annotation, type) and issubclass(annotation, Section)
            annotation = annotation.model_fields[str(part)].annotation
    assert isinstance(annotation, type) and issubclass(annotation, Section)
    renamed = annotation.RENAMED.get(str(path[-1]))
    if renamed is not None:
        return f"{renamed}, the new name of {path[-1]}"
    known = list(annotation.model_fields)
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    guess = f" (did you mean {close[0]}?)" if close else ""
    return f"one of {', '.join(known)}{guess}"
