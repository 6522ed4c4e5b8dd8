"""From merged configuration files to a validated study, or to one message with all that is wrong in them."""

from __future__ import annotations

from collections.abc import Mapping

from ilora.configuration.checks import find_problems
from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.generative_variants import ablation_problems
from ilora.configuration.problems import Problem
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.study import StudyConfig
from ilora.configuration.sweeps import sweep_problems
from ilora.configuration.validation import ConfigurationError, validate

#: Of the values below one key, written out; the largest study has a few thousand.
_MOST_CHARACTERS = 1_000_000
_DEEPEST = 50


def check_size(config: Mapping[str, object]) -> None:
    """Refuse a configuration that takes minutes and gigabytes to check, as a few lines of YAML can.

    An alias (``*name``) costs YAML nothing, but counts here as often as it stands.

    Raises:
        ConfigurationError: values below a key are too many, too long or too deep, or hold themselves; it names the
            keys.
    """
    problems = [
        Problem(
            str(key)[:80],
            "too many values, too long or too deep",
            f"at most {_MOST_CHARACTERS:,} characters in {_DEEPEST} levels, with every YAML alias (*name) written out",
        )
        for key, value in config.items()
        if _is_too_large(value)
    ]
    if problems:
        raise ConfigurationError(problems)


def _is_too_large(value: object) -> bool:
    left, waiting = _MOST_CHARACTERS, [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        left -= 1
        if isinstance(part, str):
            left -= len(part)
        elif isinstance(part, Mapping):
            waiting += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list | tuple):
            waiting += [(inner, depth + 1) for inner in part]
        if left < 0 or depth > _DEEPEST or len(waiting) > _MOST_CHARACTERS:
            return True
    return False


def load_study(config: Mapping[str, object]) -> StudyConfig:
    """Return the validated study of a configuration as read from YAML.

    Keys that are absent take the defaults of the model.

    Raises:
        ConfigurationError: when a key, type, value or combination is wrong; it names all of them, or all that are too
            large.
    """
    check_size(config)
    study = validate(StudyConfig, config, ())
    resolved: dict[tuple[str, str | None], FinetuningValues] = {
        (dataset, method): finetuning_values(study.finetuning, dataset, method)
        for dataset in study.datasets
        if dataset in study.known_datasets
        for method in (None, *study.finetuning.per_method)
    }
    problems = find_problems(study, resolved) or [*sweep_problems(study), *ablation_problems(study)]
    if problems:
        raise ConfigurationError(problems)
    return study
