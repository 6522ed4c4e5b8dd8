"""What recommends: how a policy is asked and retrained, the oracle, and popularity."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ilora.feedback.users import SimulatedUsers
from ilora.negative_transfer.groups import Sequences


class Policy(Protocol):
    """Scores items, and is retrained on clicks."""

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the score of each item at each visit, float64 [visits, items]; before any training, all alike.

        Args:
            visits: of one round. Their targets are the users' taste, which the oracle alone reads.
        """

    def retrain(self, log: Sequences, number: int) -> None:
        """Learn from clicks.

        Args:
            log: the clicks of all rounds so far, one a row: visit, and the item that was clicked on as its target.
            number: of the round that has just ended.
        """


class Oracle:
    """Knows the users' taste: no policy has more expected clicks."""

    def __init__(self, users: SimulatedUsers) -> None:
        self._users = users

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the probability that each item is liked."""
        return self._users.relevance_of_items(visits)

    def retrain(self, log: Sequences, number: int) -> None:
        """Learn nothing: there is nothing to learn."""


class Popularity:
    """Shows everybody what was clicked on most."""

    def __init__(self, items: int) -> None:
        self._clicks = np.zeros(items)

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the clicks on each item so far, for every visit alike."""
        return np.tile(self._clicks, (len(visits.groups), 1))

    def retrain(self, log: Sequences, number: int) -> None:
        """Count the clicks anew."""
        self._clicks = np.bincount(log.targets, minlength=len(self._clicks)).astype(float)
