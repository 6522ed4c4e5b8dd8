"""The stages of the workflow: which there are, which files of rules belong to each, and what follows from what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilora.study.study import Study


def _always(study: Study) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of the workflow.

    Attributes:
        title: name of the stage.
        makes: what it makes, in a few words.
        rules: files in rules/ that belong to it, without the extension.
        place: row and column of its box in the picture.
        after: stages whose artifacts it always reads.
        sometimes_after: stages whose artifacts it reads for some methods.
        is_part_of: whether a study has the stage.
    """

    title: str
    makes: str
    rules: tuple[str, ...]
    place: tuple[int, float]
    after: tuple[str, ...] = ()
    sometimes_after: tuple[str, ...] = ()
    is_part_of: Callable[[Study], bool] = _always


def _evaluates_further(study: Study) -> bool:
    config, drift, scarcity = study.config, study.targets.drift, study.config.scarcity
    has_drift = drift.with_gaps() or drift.with_periods()
    is_scarce = scarcity.shares or scarcity.lengths or scarcity.frequency_floors
    return bool(config.sweeps or config.random_splits.number or config.full_ranking.enabled or has_drift or is_scarce)


def _simulates(study: Study) -> bool:
    return bool(study.config.negative_transfer.degrees or study.config.feedback.rounds)


STAGES = {
    "data": Stage(
        title="Data",
        makes="sequences, candidate sets",
        rules=("acquisition", "data"),
        place=(0, 1.0),
    ),
    "baselines": Stage(
        title="Baselines",
        makes="counting and generative methods",
        rules=("baselines", "generative"),
        place=(1, 0.0),
        after=("data",),
        sometimes_after=("recommenders",),
        is_part_of=lambda study: bool(study.generators or {"popularity", "markov"} & set(study.methods)),
    ),
    "recommenders": Stage(
        title="Recommenders",
        makes="trained encoders, item vectors",
        rules=("recommenders",),
        place=(1, 1.0),
        after=("data",),
        sometimes_after=("backbone",),
        is_part_of=lambda study: bool(study.trained_recommenders),
    ),
    "backbone": Stage(
        title="Backbone",
        makes="the language model",
        rules=("backbone",),
        place=(1, 2.0),
        after=("data",),
        is_part_of=lambda study: bool(study.backbone_methods) or study.encodes_titles,
    ),
    "chat": Stage(
        title="Chat models",
        makes="answers over an API",
        rules=("chat",),
        place=(2, 0.5),
        after=("data",),
        sometimes_after=("recommenders",),
        is_part_of=lambda study: bool(study.chat_draws),
    ),
    "finetune": Stage(
        title="Fine-tuning",
        makes="adapters, answers, gate weights",
        rules=("finetune",),
        place=(2, 1.5),
        after=("recommenders", "backbone"),
        is_part_of=lambda study: bool(study.backbone_methods),
    ),
    "evaluate": Stage(
        title="Evaluation",
        makes="metrics, intervals, paired tests",
        rules=("evaluate",),
        place=(3, 0.0),
        after=("baselines", "chat", "finetune", "recommenders"),
    ),
    "further": Stage(
        title="Further evaluation",
        makes="ranking, drift, little data, sweeps",
        rules=("full_ranking", "drift", "scarcity", "random_splits", "sweeps"),
        place=(3, 1.0),
        after=("baselines", "finetune", "recommenders"),
        is_part_of=_evaluates_further,
    ),
    "gradients": Stage(
        title="Gradients",
        makes="clusters, gradients, expert usage",
        rules=("gradients",),
        place=(3, 2.0),
        after=("finetune",),
        is_part_of=lambda study: bool(study.config.figures.gradients and study.gradient_methods),
    ),
    "synthetic": Stage(
        title="Synthetic users",
        makes="negative transfer, feedback loops",
        rules=("negative_transfer", "feedback"),
        place=(3, 3.0),
        is_part_of=_simulates,
    ),
    "report": Stage(
        title="Report",
        makes="tables, figures, pages",
        rules=("tables", "figures", "pages"),
        place=(4, 1.0),
        after=("evaluate", "further", "gradients", "synthetic"),
    ),
}


def stages_of(study: Study) -> dict[str, Stage]:
    """Return the stages that a study has, by name."""
    return {name: stage for name, stage in STAGES.items() if stage.is_part_of(study)}
