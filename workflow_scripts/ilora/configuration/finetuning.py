"""From a study's `finetuning` section to the settings of one data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ilora.configuration.presets import LEARNING_RATES, preset_values
from ilora.configuration.problems import Problem
from ilora.configuration.sections.finetuning import FinetuningSection
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.validation import ConfigurationError, show, validate
from ilora.methods.register import LANGUAGE_MODEL_METHODS

_NOTHING: Mapping[str, object] = MappingProxyType({})


def finetuning_values(
    section: FinetuningSection, dataset: str, method: str | None = None, overrides: Mapping[str, object] = _NOTHING
) -> FinetuningValues:
    """Return the fine-tuning settings of one data set, with all learning rates resolved.

    In increasing precedence, values come from the section, its preset, its ``per_dataset`` entry, the method, and
    ``overrides``, which must be valid.

    Args:
        section: section of the study.
        dataset: name of the data set.
        method: id of a tuned method; None for the values that all methods share.
        overrides: key to value.

    Raises:
        ConfigurationError: an entry of ``per_dataset`` or ``per_method`` has an unknown key or a wrong value, or
            neither the preset nor ``per_dataset`` has a learning rate for the data set.
    """
    values: dict[str, object] = section.model_dump(mode="json", exclude={"preset", "per_dataset", "per_method"})
    own = section.per_dataset.get(dataset, {})
    if section.preset is not None:
        values |= preset_values(section.preset, _preset_learning_rate(section.preset, dataset, own))
    values |= {**own, **_values_of_method(section, method), **overrides}
    resolved = validate(FinetuningValues, values, ("finetuning", "per_dataset", dataset))
    learning_rates = {
        "projector_learning_rate": resolved.projector_learning_rate or resolved.learning_rate,
        "gate_learning_rate": resolved.gate_learning_rate or resolved.learning_rate,
    }
    return resolved.model_copy(update=learning_rates)


def values_by_dataset(section: FinetuningSection, datasets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the resolved values of each data set, as JSON values."""
    return {dataset: finetuning_values(section, dataset).model_dump(mode="json") for dataset in datasets}


def _values_of_method(section: FinetuningSection, method: str | None) -> Mapping[str, object]:
    """Return a method's declared values, with the study's ``per_method`` applied over them."""
    if method is None:
        return _NOTHING
    values = {**LANGUAGE_MODEL_METHODS[method].finetuning, **section.per_method.get(method, {})}
    validate(FinetuningValues, values, ("finetuning", "per_method", method))
    return values


def _preset_learning_rate(preset: str, dataset: str, own: Mapping[str, object]) -> float:
    """Return the preset's learning rate for the data set or, if it has none, that of ``per_dataset``."""
    if dataset in LEARNING_RATES[preset]:
        return LEARNING_RATES[preset][dataset]
    learning_rate = own.get("learning_rate")
    if isinstance(learning_rate, int | float):
        return learning_rate
    problem = Problem(
        f"finetuning.per_dataset.{dataset}.learning_rate",
        "nothing" if learning_rate is None else show(learning_rate),
        f"a number: the preset {preset} has learning rates only for {', '.join(LEARNING_RATES[preset])}",
    )
    raise ConfigurationError([problem])
