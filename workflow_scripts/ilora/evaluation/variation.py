"""Which variation an interval covers, in the words that tables, notes and figures have for it."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from ilora.layout import NO_SEED, Run


class Variation(StrEnum):
    """What an interval says of a number: over what it would vary so."""

    #: Nothing is trained for it.
    USERS = "users"
    #: Over users, with the one training that there is. Another one, or the same on another processor, may be elsewhere.
    ONE_TRAINING = "users, one training"
    USERS_AND_TRAININGS = "users and trainings"


def covered(*sides: Collection[Run]) -> Variation:
    """Return what the interval of a mean over runs covers, or that of the difference of several such means.

    Args:
        sides: runs whose mean is taken; those with a seed are trainings, those of one seed the same one.
    """
    trainings = [count for count in map(count_trainings, sides) if count]
    if not trainings:
        return Variation.USERS
    return Variation.ONE_TRAINING if min(trainings) == 1 else Variation.USERS_AND_TRAININGS


def count_trainings(runs: Iterable[Run]) -> int:
    """Return how many trainings the runs are of; 0 where nothing is trained."""
    return len({run.seed for run in runs} - {NO_SEED})
