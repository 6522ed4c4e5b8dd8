"""The files of the simulation of recommend, click and retrain, and the parameters of its scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilora.layout import expand
from ilora.study.study import Study

_OF_BOTH = (
    "rounds",
    "users",
    "group_shares",
    "degree",
    "taste_drift",
    "relevance_of_next",
    "relevance_of_others",
    "examination",
    "exploration",
    "group_in_prompt",
    "retraining",
    "batch_size",
)


@dataclass(frozen=True)
class FeedbackFiles:
    """The files of the simulation."""

    study: Study

    @property
    def outcomes(self) -> list[str]:
        """The outcomes of every policy, over all seeds."""
        layout, seeds = self.study.layout, self.study.config.feedback.seeds
        return [*expand(layout.feedback_by_recommenders, seed=seeds), *expand(layout.feedback_by_adapters, seed=seeds)]

    @property
    def settings_of_recommenders(self) -> dict[str, Any]:
        """The settings of users, slates, and the retraining of SASRec."""
        return self.study.config.feedback.plain(*_OF_BOTH, "recommender_steps", "recommender_learning_rate")

    @property
    def settings_of_adapters(self) -> dict[str, Any]:
        """The settings of users, slates, and the tuning of LoRA and iLoRA."""
        return self.study.config.feedback.plain(*_OF_BOTH, "adapter_steps", "adapter_learning_rate")
