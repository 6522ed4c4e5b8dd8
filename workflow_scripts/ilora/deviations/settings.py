"""From a study's configuration to the settings that determine its deviations."""

from collections.abc import Sequence
from typing import Any

from ilora.configuration.finetuning import finetuning_values, values_by_dataset
from ilora.configuration.presets import LEARNING_RATES, PRESETS, preset_values
from ilora.configuration.study import StudyConfig
from ilora.deviations.declaration import Settings
from ilora.reporting.weight_decays import WeightDecaySearch


def deviation_settings(config: StudyConfig, weight_decays: Sequence[WeightDecaySearch] = ()) -> Settings:
    """Return the settings that determine a study's deviations.

    Args:
        config: configuration of the study.
        weight_decays: the searches for the recommenders' L2.
    """
    return Settings(
        settings=config.model_dump(mode="json"),
        finetuning=values_by_dataset(config.finetuning, config.datasets),
        presets={preset: _values_of_preset(config, preset) for preset in PRESETS},
        weight_decays=weight_decays,
    )


def _values_of_preset(config: StudyConfig, preset: str) -> dict[str, dict[str, Any]]:
    """Return the fine-tuning settings that a preset names, for each data set of the study that it covers."""
    section = config.finetuning.model_copy(update={"preset": preset, "per_dataset": {}})
    named = set(preset_values(preset, 1.0))
    return {
        dataset: finetuning_values(section, dataset).model_dump(mode="json", include=named)
        for dataset in config.datasets
        if dataset in LEARNING_RATES[preset]
    }
