"""The variation that an interval covers, as tables, notes and figures name it."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from ilora.layout import NO_SEED, Run


class Variation(StrEnum):
    """Sources of variation that an interval covers."""

    #: The method is not trained.
    USERS = "users"
    #: Users only, given a single training. Another training, or the same seed on another processor, may differ by more.
    ONE_TRAINING = "users, one training"
    USERS_AND_TRAININGS = "users and trainings"


def covered(*sides: Collection[Run]) -> Variation:
    """Return the variation covered by the interval of a mean over runs, or of a contrast of several such means.

    Args:
        sides: runs of each mean. Runs with a seed are trainings; runs with the same seed are one training.
    """
    trainings = [count for count in map(count_trainings, sides) if count]
    if not trainings:
        return Variation.USERS
    return Variation.ONE_TRAINING if min(trainings) == 1 else Variation.USERS_AND_TRAININGS


def count_trainings(runs: Iterable[Run]) -> int:
    """Return the number of distinct trainings among the runs; 0 where nothing is trained."""
    return len({run.seed for run in runs} - {NO_SEED})
