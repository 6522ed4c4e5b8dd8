"""What the simulation of recommend, click and retrain makes, and what its rules hand to their scripts."""

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
        """What every policy reaches, over all seeds."""
        layout, seeds = self.study.layout, self.study.config.feedback.seeds
        return [*expand(layout.feedback_by_recommenders, seed=seeds), *expand(layout.feedback_by_adapters, seed=seeds)]

    @property
    def settings_of_recommenders(self) -> dict[str, Any]:
        """What the study says of users, display, and the retraining of SASRec."""
        return self.study.config.feedback.plain(*_OF_BOTH, "recommender_steps", "recommender_learning_rate")

    @property
    def settings_of_adapters(self) -> dict[str, Any]:
        """What the study says of users, display, and the tuning of LoRA and iLoRA."""
        return self.study.config.feedback.plain(*_OF_BOTH, "adapter_steps", "adapter_learning_rate")
