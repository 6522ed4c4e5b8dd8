"""Simulated users whose taste is known, and drifts at a known rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.negative_transfer.groups import REPRESENTATION_WIDTH, SPREAD, Sequences, SyntheticGroups

# What the seeds of draws are for. `SyntheticGroups` has 0 and 1; NumPy takes [seed, 1] and [seed, 1, 0] for the same.
_REPRESENTATIONS, _DRIFT, _HISTORIES = 2, 3, 4


@dataclass(frozen=True)
class Relevance:
    """How likely a user likes an item that was examined: the one that the group's rule names, and any other."""

    of_next: float
    of_others: float


@dataclass(frozen=True)
class SimulatedUsers:
    """Users of all groups, each of whom visits once in a round, with a history at random.

    Taste drifts by turns: from one round to the next every item turns with probability ``drift``. On a contested item
    that has turned k times, each group follows the rule of the group k places further on; on all others there is but
    one rule, and a turn changes nothing. So the groups contradict each other on as many items in every round.

    Attributes:
        rules: of the groups, before any drift.
        group_sizes: users in each group.
        history: items in a history.
        relevance: of the items.
        drift: probability that an item turns between two rounds.
        seed: of representations, drift and histories.
    """

    rules: SyntheticGroups
    group_sizes: tuple[int, ...]
    history: int
    relevance: Relevance
    drift: float
    seed: int

    @property
    def groups(self) -> NDArray[np.int64]:
        """The group of each user, int64 [users], the same in every round."""
        return np.repeat(np.arange(len(self.group_sizes)), self.group_sizes)

    @property
    def representations(self) -> NDArray[np.float32]:
        """What a recommender would know of each user, float32 [users, d]: the group's centre with noise."""
        groups, generator = self.groups, np.random.default_rng([self.seed, _REPRESENTATIONS])
        noise = SPREAD * generator.normal(size=(len(groups), REPRESENTATION_WIDTH))
        return (self.rules.centres()[groups] + noise).astype(np.float32)

    def turns(self, number: int) -> NDArray[np.int64]:
        """Return how often each item has turned before this round, int64 [items]; never before round 0."""
        turns = np.zeros(self.rules.items, dtype=np.int64)
        for before in range(1, number + 1):
            turns += np.random.default_rng([self.seed, _DRIFT, before]).random(self.rules.items) < self.drift
        return turns

    def next_items(self, number: int, groups: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what users of these groups like after these items in a round, int64 [n], from int64 [n] each."""
        return self.rules.next_items((groups + self.turns(number)[items]) % self.rules.groups, items)

    def visits(self, number: int) -> Sequences:
        """Return the visits of a round, one of each user; the target is what the user likes most."""
        generator = np.random.default_rng([self.seed, _HISTORIES, number])
        histories = generator.integers(self.rules.items, size=(sum(self.group_sizes), self.history))
        return Sequences(
            groups=self.groups,
            histories=histories,
            targets=self.next_items(number, self.groups, histories[:, -1]),
            representations=self.representations,
        )

    def relevance_of_items(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the probability that each item is liked at each visit, float64 [visits, items]."""
        relevance = np.full((len(visits.targets), self.rules.items), self.relevance.of_others)
        relevance[np.arange(len(relevance)), visits.targets] = self.relevance.of_next
        return relevance


def group_sizes(users: int, shares: tuple[float, ...]) -> tuple[int, ...]:
    """Return how many of the users are in each group, in these shares up to rounding."""
    # Half up, so that a share of at least one user is never none.
    ends = np.floor(np.round(np.cumsum(shares) / sum(shares) * users, 9) + 0.5).astype(int)
    return tuple(np.diff(ends, prepend=0).tolist())
