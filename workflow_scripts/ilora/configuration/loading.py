"""From merged configuration files to a validated study, or to one message with all that is wrong in them."""

from __future__ import annotations

from collections.abc import Mapping

from ilora.configuration.checks import find_problems
from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.study import StudyConfig
from ilora.configuration.sweeps import sweep_problems
from ilora.configuration.validation import ConfigurationError, validate


def load_study(config: Mapping[str, object]) -> StudyConfig:
    """Return the validated study of a configuration as read from YAML.

    Keys that are absent take the defaults of the model.

    Raises:
        ConfigurationError: when a key, type, value or combination is wrong; it names all of them.
    """
    study = validate(StudyConfig, config, ())
    resolved: dict[tuple[str, str | None], FinetuningValues] = {
        (dataset, method): finetuning_values(study.finetuning, dataset, method)
        for dataset in study.datasets
        if dataset in study.known_datasets
        for method in (None, *study.finetuning.per_method)
    }
    problems = find_problems(study, resolved) or sweep_problems(study)
    if problems:
        raise ConfigurationError(problems)
    return study
