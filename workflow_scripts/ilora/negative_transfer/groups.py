"""Groups of users whose next-item rules agree on some items and contradict each other on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

GroupInPrompt = Literal["hidden", "named"]
"""Whether a prompt names the group; if it does, the language model has the same information as a gate."""

GROUP_IN_PROMPT: tuple[GroupInPrompt, ...] = ("hidden", "named")

#: Width of the vector that simulates a recommender's representation of a sequence.
REPRESENTATION_WIDTH = 16
#: Distance of a group's centre from the origin, and standard deviation of a sequence's representation around it.
CENTRE, SPREAD = 4.0, 0.5

# Purposes of derived seeds.
_CONTESTED, _CENTRES = 0, 1


@dataclass(frozen=True)
class SyntheticGroups:
    """Groups of users over a common set of items.

    The next item after item i is i + s on the ring of items. For a fraction of the items, the contested ones, the
    stride s is the group's own (1, -1, 2, -2, ...); for all others it is the same for everyone.

    Attributes:
        items: number of items on the ring.
        groups: number of groups of users, all of equal size.
        degree: fraction of contested items: with 0, all groups have the same rule; with 1, each has its own.
        seed: random seed of the contested items (a larger degree adds to them) and of the groups' representations.
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
        """The stride of every group on all other items, which differs from all groups' own strides."""
        return largest_stride(self.groups)

    def next_items(self, groups: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the next items of users of these groups after these items, int64 [n], from int64 [n] each."""
        order = np.random.default_rng([self.seed, _CONTESTED]).permutation(self.items)
        contested = order[items] < round(self.degree * self.items)
        return (items + np.where(contested, self.own_strides[groups], self.shared_stride)) % self.items

    def centres(self) -> NDArray[np.float64]:
        """Return the centres of the groups' representations, orthogonal to each other, float64 [groups, d]."""
        drawn = np.random.default_rng([self.seed, _CENTRES]).normal(size=(REPRESENTATION_WIDTH, self.groups))
        return np.linalg.qr(drawn)[0].T * CENTRE


def largest_stride(groups: int) -> int:
    """Return the largest stride used by this number of groups."""
    return (groups - 1) // 2 + 2


@dataclass(frozen=True)
class Sequences:
    """Histories with their next items.

    Attributes:
        groups: int64 [n].
        histories: int64 [n, length], oldest first; random items, which carry no information about the group.
        targets: int64 [n].
        representations: simulated recommender representations, float32 [n, d]: the group's centre plus noise.
    """

    groups: NDArray[np.int64]
    histories: NDArray[np.int64]
    targets: NDArray[np.int64]
    representations: NDArray[np.float32]

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Sequences:
        """Return the sequences at these indices."""
        return Sequences(self.groups[index], self.histories[index], self.targets[index], self.representations[index])


def concatenated(parts: Sequence[Sequences]) -> Sequences:
    """Concatenate sequences; there must be at least one part."""
    return Sequences(
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.histories for part in parts]),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.representations for part in parts]),
    )


def draw_sequences(users: SyntheticGroups, count: int, length: int, generator: np.random.Generator) -> Sequences:
    """Draw sequences of users of all groups; all fields are always drawn, so that methods can be compared.

    Args:
        users: groups of users.
        count: number of sequences; groups alternate, so that each has equally many.
        length: length of a history.
        generator: generator of the histories and of the representations' noise.
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
