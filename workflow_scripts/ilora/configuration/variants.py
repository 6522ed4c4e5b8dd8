"""Variants: the settings of a study that a run replaces, and their names in paths.

A variant's name consists of the settings that differ from the study's own, as ``key~value`` pairs joined by ``_`` in
the order of `KEYS`; if none differ, it is ``default``. So a run has a single name, whichever sweeps it belongs to, and
is made once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.problems import Problem
from ilora.configuration.sections.finetuning_values import HYBRID, FinetuningValues, ReadBy
from ilora.configuration.sections.recommenders import Recommender, RecommendersSection
from ilora.configuration.study import StudyConfig
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.configuration.validation import ConfigurationError, validate
from ilora.methods.register import LANGUAGE_MODEL_METHODS

_NULL, _EMPTY = "null", "none"


class VariantValues(FinetuningValues):
    """Settings that a variant can replace: those of fine-tuning, its preset, and the sequence encoder."""

    RENAMED: ClassVar[Mapping[str, str]] = {**FinetuningValues.RENAMED, **RecommendersSection.RENAMED}

    sequence_encoder: Annotated[Recommender, HYBRID] = Field("sasrec", description="as in recommenders")
    preset: Literal["paper", "released"] | None = Field(None, description="as in finetuning")


#: Keys that a variant can replace, in the order of its name. Lists of names do not fit into a path.
KEYS = ("sequence_encoder", "preset", *(key for key in FinetuningValues.model_fields if key != "target_modules"))

#: Longest name of a variant, which is a part of paths; file systems allow 255 bytes.
LONGEST_VARIANT = 240

_PAIR = re.compile(rf"(?:^|_)({'|'.join(KEYS)})~")


@dataclass(frozen=True)
class VariantSettings:
    """The settings of a variant.

    Attributes:
        sequence_encoder: recommender that provides behaviour tokens and the gate's input.
        finetuning: fine-tuning settings of the data set.
    """

    sequence_encoder: str
    finetuning: FinetuningValues


def check_overrides(overrides: Mapping[str, object], where: tuple[str, ...]) -> dict[str, object]:
    """Return overrides as plain values of the right types, in the order of `KEYS`.

    Args:
        overrides: key to value.
        where: path of the overrides in the configuration, for messages.

    Raises:
        ConfigurationError: an unknown key or a wrong value.
    """
    unknown = [key for key in overrides if key not in KEYS]
    if unknown:
        raise ConfigurationError(
            [Problem(".".join((*where, key)), "an unknown key", expected_key(key)) for key in unknown]
        )
    values = validate(VariantValues, overrides, where).model_dump(mode="json")
    return {key: values[key] for key in KEYS if key in overrides}


def expected_key(key: str) -> str:
    """Return what is allowed in place of a key that variants cannot replace."""
    renamed = VariantValues.RENAMED.get(key)
    return f"one of {', '.join(KEYS)}" if renamed is None else f"{renamed}, the new name of {key}"


def format_overrides(overrides: Mapping[str, object]) -> dict[str, str]:
    """Return checked overrides as in a name, key to text, in the order of `KEYS`."""
    return {key: _format(overrides[key]) for key in KEYS if key in overrides}


def format_variant(overrides: Mapping[str, object]) -> str:
    """Return the name that consists of all checked overrides."""
    return "_".join(f"{key}~{text}" for key, text in format_overrides(overrides).items()) or DEFAULT_VARIANT


def parse_variant(name: str) -> dict[str, object]:
    """Return the overrides in a name, in the order of `KEYS`.

    Raises:
        ConfigurationError: an unknown key, a wrong value, or pairs that are repeated or out of order.
    """
    if name == DEFAULT_VARIANT:
        return {}
    pairs = list(_PAIR.finditer(name))
    ends = [pair.start() for pair in pairs[1:]] + [len(name)]
    texts = {pair[1]: name[pair.end() : end] for pair, end in zip(pairs, ends, strict=False)}
    overrides = check_overrides({key: _parse(key, text) for key, text in texts.items()}, ("variant", name))
    if format_variant(overrides) != name or not overrides:
        expected = f"{DEFAULT_VARIANT}, or key~value pairs joined by _, in this order: {', '.join(KEYS)}"
        raise ConfigurationError([Problem("variant", name, expected)])
    return overrides


def variant_settings(study: StudyConfig, dataset: str, method: str, overrides: Mapping[str, object]) -> VariantSettings:
    """Return the settings of a method on a data set, with the checked overrides applied over all other values.

    Raises:
        ConfigurationError: see `finetuning_values`.
    """
    section = study.finetuning
    if "preset" in overrides:
        section = section.model_copy(update={"preset": overrides["preset"]})
    rest = {key: value for key, value in overrides.items() if key in FinetuningValues.model_fields}
    sequence_encoder = str(overrides.get("sequence_encoder", study.recommenders.sequence_encoder))
    return VariantSettings(sequence_encoder, finetuning_values(section, dataset, method, rest))


def variant_name(study: StudyConfig, dataset: str, method: str, overrides: Mapping[str, object]) -> str:
    """Return the name of a method's run with the checked overrides, leaving out those that change nothing.

    Raises:
        ConfigurationError: see `finetuning_values`.
    """
    kept = {key: overrides[key] for key in KEYS if key in overrides and key in _read_keys(method)}
    settings = _read_settings(study, dataset, method, kept)
    for key in tuple(kept):
        fewer = {other: value for other, value in kept.items() if other != key}
        if _read_settings(study, dataset, method, fewer) == settings:
            kept = fewer
    return format_variant(kept)


def resolve_variant(study: StudyConfig, dataset: str, method: str, name: str) -> VariantSettings:
    """Return the settings of a run by its name.

    Raises:
        ConfigurationError: the name cannot be parsed, or the run has another name in this study, so that it would be
            made twice.
    """
    overrides = parse_variant(name)
    expected = variant_name(study, dataset, method, overrides)
    if name != expected:
        reason = f"{expected}: that is the name of {method} on {dataset} with these settings in this study"
        raise ConfigurationError([Problem("variant", name, reason)])
    return variant_settings(study, dataset, method, overrides)


@cache
def _read_keys(method: str) -> frozenset[str]:
    """Return the options that a method reads, according to their `ReadBy` marks."""
    declared = LANGUAGE_MODEL_METHODS[method]
    reads = {"gated": declared.is_gated, "hybrid": declared.is_hybrid}
    return frozenset(
        key
        for key, field in VariantValues.model_fields.items()
        if all(reads[mark.methods] for mark in field.metadata if isinstance(mark, ReadBy))
    )


def _read_settings(study: StudyConfig, dataset: str, method: str, overrides: Mapping[str, object]) -> dict[str, object]:
    settings = variant_settings(study, dataset, method, overrides)
    values = {"sequence_encoder": settings.sequence_encoder, **dict(settings.finetuning)}
    return {key: value for key, value in values.items() if key in _read_keys(method)}


def _format(value: object) -> str:
    if isinstance(value, list):
        return "-".join(map(_format, value)) or _EMPTY
    return value if isinstance(value, str) else json.dumps(value)


def _parse(key: str, text: str) -> object:
    if key == "snapshots":
        return [] if text == _EMPTY else [_parse("", part) for part in text.split("-")]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
