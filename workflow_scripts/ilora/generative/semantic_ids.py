"""Semantic ids: the codes with which a generator identifies items, and groups of items that share an id."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ilora.configuration.sections.generative import LevelOrder
from ilora.generative.quantisation import Quantisation, derived_seed

#: Level of the token that distinguishes items with the same codes.
COLLISION = "collision"


@dataclass(frozen=True)
class SemanticIds:
    """The semantic id of each item.

    Attributes:
        codes: int64 (items, levels), by item id; a level's codes are less than its size.
        levels: name of each level, in the order of generation.
        sizes: number of codes of each level, used or not.
    """

    codes: torch.Tensor
    levels: tuple[str, ...]
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not (self.codes.ndim == 2 and self.codes.shape[1] == len(self.levels) == len(self.sizes)):
            raise ValueError(
                f"semantic ids: found codes of shape {list(self.codes.shape)}, levels {self.levels} and sizes "
                f"{self.sizes}, expected equal numbers of levels"
            )
        for level, size, codes in zip(self.levels, self.sizes, self.codes.T, strict=True):
            if codes.min() < 0 or codes.max() >= size:
                raise ValueError(
                    f"semantic ids: found codes from {int(codes.min())} to {int(codes.max())} at the level {level}, "
                    f"expected 0 to {size - 1}"
                )

    @property
    def items(self) -> int:
        """The number of items."""
        return len(self.codes)

    @property
    def groups(self) -> NDArray[np.int64]:
        """The number of each item's id, (items,), in the order of sorted codes; equal for items that share an id."""
        _, groups = np.unique(self.codes.numpy(), axis=0, return_inverse=True)
        return groups.reshape(-1).astype(np.int64)

    @property
    def group_sizes(self) -> NDArray[np.int64]:
        """The number of items that share each item's id, including the item itself, (items,)."""
        groups = self.groups
        return np.bincount(groups)[groups]


def ids_of(quantisation: Quantisation, levels: Sequence[str]) -> SemanticIds:
    """Return the ids of a quantisation, with named levels."""
    return SemanticIds(quantisation.codes, tuple(levels), quantisation.sizes)


def with_collision_token(ids: SemanticIds) -> SemanticIds:
    """Return ids with an additional token that makes them unique (TIGER, section 3.1).

    Items with the same codes are numbered from 0 in the order of their item ids. Every item has the token, so that all
    ids have the same length.
    """
    codes = ids.codes.numpy()
    met: dict[tuple[int, ...], int] = {}
    numbers = []
    for code in map(tuple, codes.tolist()):
        numbers.append(met.get(code, 0))
        met[code] = numbers[-1] + 1
    column = torch.tensor(numbers, dtype=torch.int64)[:, None]
    return SemanticIds(torch.cat([ids.codes, column], dim=1), (*ids.levels, COLLISION), (*ids.sizes, max(met.values())))


def in_order(ids: SemanticIds, order: LevelOrder, seed: int) -> SemanticIds:
    """Return ids with reordered levels, in the same order for all items.

    Args:
        ids: ids, coarse to fine.
        order: new order; with three or more levels, ``random`` is neither the original nor the reversed order.
        seed: random seed of the order.
    """
    levels = len(ids.levels)
    places = list(range(levels))
    if order == "fine_to_coarse":
        places.reverse()
    elif order == "random":
        places = _random_order(levels, seed)
    return replace(
        ids,
        codes=ids.codes[:, places],
        levels=tuple(ids.levels[place] for place in places),
        sizes=tuple(ids.sizes[place] for place in places),
    )


def _random_order(levels: int, seed: int) -> list[int]:
    generator = np.random.default_rng(derived_seed(seed))
    ordered = list(range(levels))
    others = [ordered, ordered[::-1]] if levels > 2 else []
    while True:
        drawn: list[int] = generator.permutation(levels).tolist()
        if drawn not in others:
            return drawn
