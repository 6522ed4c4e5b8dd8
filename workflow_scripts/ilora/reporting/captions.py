"""What several captions say in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilora.study.study import Study


def seeds(study: Study) -> str:
    """Return "seed 1", or "mean of the seeds 1, 2"."""
    numbers = ", ".join(map(str, study.config.seeds))
    return f"seed {numbers}" if len(study.config.seeds) == 1 else f"mean of the seeds {numbers}"


def answers(study: Study) -> str:
    """Return by which protocol, over which seeds and how many candidate sets answers were counted."""
    draws = study.config.data.draws
    return f"protocol {study.config.protocol}, {seeds(study)}, {draws} candidate sets for each user"


def covered(study: Study) -> str:
    """Return what intervals are over: "users and the 3 trainings of what is trained"."""
    trainings = len(study.config.seeds)
    if trainings == 1:
        return "users, with the one training of each method that is trained"
    return f"users and, where a method is trained, its {trainings} trainings"


def confidence(study: Study) -> str:
    """Return the coverage of the intervals: "95 %"."""
    return f"{100 * study.config.statistics.confidence:.0f} %"
