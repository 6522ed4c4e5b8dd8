"""Groups of users whose next-item rules agree on some items and contradict each other on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

GroupInPrompt = Literal["hidden", "named"]
"""Whether a prompt tells the group: then the language model has the information that a gate has."""

GROUP_IN_PROMPT: tuple[GroupInPrompt, ...] = ("hidden", "named")

#: Entries of the vector that stands for a recommender's representation of a sequence.
REPRESENTATION_WIDTH = 16
#: Distance of a group's centre from the origin, and standard deviation of a sequence's representation around it.
CENTRE, SPREAD = 4.0, 0.5

# What the seeds of draws are for.
_CONTESTED, _CENTRES = 0, 1


@dataclass(frozen=True)
class SyntheticGroups:
    """Users in groups over one pool of items.

    The next item after item i is i + s on the ring of items. On a share of the items, the contested ones, the stride s
    is the group's own (1, -1, 2, -2, ...); on all others it is the same for everyone.

    Attributes:
        items: on the ring.
        groups: of users, equally many users in each.
        degree: share of the contested items: 0 is one rule for all groups, 1 a rule of its own for each.
        seed: of which items are contested (a larger degree adds to them) and where the groups' representations lie.
    """

    items: int
    groups: int
    degree: float
    seed: int

    @property
    def own_strides(self) -> NDArray[np.int64]:
        """The stride of each group on contested items, int64 [groups]."""
        places = np.arange(self.groups)
        return (places // 2 + 1) * np.where(places % 2 == 0, 1, -1)

    @property
    def shared_stride(self) -> int:
        """The stride of every group on all other items; no group's own."""
        return largest_stride(self.groups)

    def next_items(self, groups: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what users of these groups use after these items, int64 [n], from int64 [n] each."""
        order = np.random.default_rng([self.seed, _CONTESTED]).permutation(self.items)
        contested = order[items] < round(self.degree * self.items)
        return (items + np.where(contested, self.own_strides[groups], self.shared_stride)) % self.items

    def centres(self) -> NDArray[np.float64]:
        """Return the centres of the groups' representations, orthogonal to each other, float64 [groups, d]."""
        drawn = np.random.default_rng([self.seed, _CENTRES]).normal(size=(REPRESENTATION_WIDTH, self.groups))
        return np.linalg.qr(drawn)[0].T * CENTRE


def largest_stride(groups: int) -> int:
    """Return the largest stride that so many groups use."""
    return (groups - 1) // 2 + 2


@dataclass(frozen=True)
class Sequences:
    """Histories with what came next.

    Attributes:
        groups: int64 [n].
        histories: int64 [n, length], oldest first; items at random, so that they do not tell the group.
        targets: int64 [n].
        representations: what a recommender would know of the sequence, float32 [n, d]: its group's centre with noise.
    """

    groups: NDArray[np.int64]
    histories: NDArray[np.int64]
    targets: NDArray[np.int64]
    representations: NDArray[np.float32]

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Sequences:
        """Return the sequences at these places."""
        return Sequences(self.groups[index], self.histories[index], self.targets[index], self.representations[index])


def concatenated(parts: Sequence[Sequences]) -> Sequences:
    """Return sequences one after another, from at least one part."""
    return Sequences(
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.histories for part in parts]),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.representations for part in parts]),
    )


def draw_sequences(users: SyntheticGroups, count: int, length: int, generator: np.random.Generator) -> Sequences:
    """Draw sequences of users of all groups; every draw is of everything, so that methods can be compared.

    Args:
        users: whose sequences.
        count: of sequences; the groups take turns, so that each has equally many.
        length: of a history.
        generator: of the histories and of the representations' noise.
    """
    groups = np.arange(count) % users.groups
    histories = generator.integers(users.items, size=(count, length))
    noise = SPREAD * generator.normal(size=(count, REPRESENTATION_WIDTH))
    return Sequences(
        groups=groups,
        histories=histories,
        targets=users.next_items(groups, histories[:, -1]),
        representations=(users.centres()[groups] + noise).astype(np.float32),
    )
