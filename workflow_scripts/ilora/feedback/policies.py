"""Policies: their interface, the oracle, and popularity."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ilora.feedback.users import SimulatedUsers
from ilora.negative_transfer.groups import Sequences


class Policy(Protocol):
    """A policy, which scores items and is retrained on clicks."""

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the score of each item at each visit, float64 [visits, items]; before any training, all are equal.

        Args:
            visits: visits of one round. Their targets are the users' preferences, which only the oracle may read.
        """

    def retrain(self, log: Sequences, number: int) -> None:
        """Learn from clicks.

        Args:
            log: clicks of all rounds so far, one per row: the visit, with the clicked item as its target.
            number: number of the round that has just ended.
        """


class Oracle:
    """The policy that knows the users' preferences, an upper bound on expected clicks."""

    def __init__(self, users: SimulatedUsers) -> None:
        self._users = users

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the probability that each item is liked."""
        return self._users.relevance_of_items(visits)

    def retrain(self, log: Sequences, number: int) -> None:
        """Do nothing: the oracle has nothing to learn."""


class Popularity:
    """The policy that shows everybody the items with the most clicks."""

    def __init__(self, items: int) -> None:
        self._clicks = np.zeros(items)

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the number of clicks on each item so far, equal for all visits."""
        return np.tile(self._clicks, (len(visits.groups), 1))

    def retrain(self, log: Sequences, number: int) -> None:
        """Recount the clicks."""
        self._clicks = np.bincount(log.targets, minlength=len(self._clicks)).astype(float)
