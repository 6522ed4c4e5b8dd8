"""What the figures of a sweep share: heading, notes and wildcards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ilora.configuration.sweeps import sweep_datasets, sweep_seeds
from ilora.reporting.captions import EXPLORATORY
from ilora.reporting.declaration import Wildcards

if TYPE_CHECKING:
    from ilora.configuration.sections.sweeps import SweepSection
    from ilora.study.study import Study

_EXPLORATORY = "EXPLORATORY: one training"


def heading(sweep: SweepSection) -> str:
    """Return the heading of its figures."""
    return sweep.title or sweep.parameter.replace("_", " ")


def note(study: Study, sweep: SweepSection) -> str:
    """Return the number of trainings and the replaced settings; a sweep with one training is exploratory."""
    seeds = len(sweep_seeds(study.config, sweep))
    shown = {key: value for key, value in sweep.settings.items() if key != "snapshots" and value is not None}
    replaced = "".join(f", {key} = {value}" for key, value in shown.items())
    return (_EXPLORATORY if seeds == 1 else f"mean over {seeds} trainings") + replaced


def sweep_settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """Return the settings of a figure of a sweep."""
    sweep = study.config.sweeps[wildcards["sweep"]]
    seeds = len(sweep_seeds(study.config, sweep))
    return {
        "heading": heading(sweep),
        "note": note(study, sweep),
        "backbone": study.backbone_id,
        "covered": "users, with one training" if seeds == 1 else f"users and {seeds} trainings",
    }


def warning(settings: dict[str, Any]) -> str:
    """Return the end of a caption: a paragraph if the sweep is exploratory, otherwise an empty text."""
    if not settings["note"].startswith(_EXPLORATORY):
        return ""
    return f"\n\n{EXPLORATORY}"


def of_each_sweep(study: Study) -> list[Wildcards]:
    """Return the wildcards of each sweep and each of its data sets."""
    return [
        {"dataset": dataset, "sweep": name}
        for name, sweep in study.config.sweeps.items()
        for dataset in sweep_datasets(study.config, sweep)
    ]
