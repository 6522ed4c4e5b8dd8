"""Simulated users with known preferences that drift at a known rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.negative_transfer.groups import REPRESENTATION_WIDTH, SPREAD, Sequences, SyntheticGroups

# Purposes of derived seeds. `SyntheticGroups` has 0 and 1; NumPy treats [seed, 1] and [seed, 1, 0] as the same seed.
_REPRESENTATIONS, _DRIFT, _HISTORIES = 2, 3, 4


@dataclass(frozen=True)
class Relevance:
    """The probability that a user likes an examined item: the one given by the group's rule, or any other."""

    of_next: float
    of_others: float


@dataclass(frozen=True)
class SimulatedUsers:
    """Users of all groups, each of whom visits once per round, with a random history.

    Preferences drift by turns: from one round to the next, every item turns with probability ``drift``. On a contested
    item that has turned k times, each group follows the rule of the group k positions further on. On all other items
    there is only one rule, and a turn changes nothing. The groups thus contradict each other on equally many items in
    every round.

    Attributes:
        rules: rules of the groups before any drift.
        group_sizes: number of users in each group.
        history: number of items in a history.
        relevance: relevance of the items.
        drift: probability that an item turns between two rounds.
        seed: random seed of representations, drift and histories.
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
        """Simulated recommender representation of each user, float32 [users, d]: the group's centre plus noise."""
        groups, generator = self.groups, np.random.default_rng([self.seed, _REPRESENTATIONS])
        noise = SPREAD * generator.normal(size=(len(groups), REPRESENTATION_WIDTH))
        return (self.rules.centres()[groups] + noise).astype(np.float32)

    def turns(self, number: int) -> NDArray[np.int64]:
        """Return the number of times that each item has turned before this round, int64 [items]; 0 for round 0."""
        turns = np.zeros(self.rules.items, dtype=np.int64)
        for before in range(1, number + 1):
            turns += np.random.default_rng([self.seed, _DRIFT, before]).random(self.rules.items) < self.drift
        return turns

    def next_items(self, number: int, groups: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the preferred next items of these groups after these items in a round, int64 [n], from int64 [n]."""
        return self.rules.next_items((groups + self.turns(number)[items]) % self.rules.groups, items)

    def visits(self, number: int) -> Sequences:
        """Return the visits of a round, one per user; the target is the item that the user is most likely to like."""
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
    """Return the number of users in each group, in these shares up to rounding."""
    # Round half up, so that a share of at least one user is never empty.
    ends = np.floor(np.round(np.cumsum(shares) / sum(shares) * users, 9) + 0.5).astype(int)
    return tuple(np.diff(ends, prepend=0).tolist())
