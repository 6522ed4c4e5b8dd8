"""From merged configuration files to a validated study, or to one message that lists all problems."""

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

#: Limit on the values below one key, with aliases expanded; the largest study has a few thousand characters.
_MOST_CHARACTERS = 1_000_000
_DEEPEST = 50


def check_size(config: Mapping[str, object]) -> None:
    """Refuse a configuration that would take minutes and gigabytes to check, which a few lines of YAML can do.

    Every use of an alias (``*name``) counts as if it were written out.

    Raises:
        ConfigurationError: the values below a key are too many, too long, too deep or recursive; it names the keys.
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

    Missing keys take the defaults of the model.

    Raises:
        ConfigurationError: a key, type, value or combination is wrong, or a value is too large; the message lists all
            of them.
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
