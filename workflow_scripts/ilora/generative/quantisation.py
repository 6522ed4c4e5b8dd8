"""The result of quantising items: a code at each level, and the codebooks."""

from dataclasses import dataclass

import numpy as np
import torch

from ilora.recommenders.title_embedding import centre_and_size


@dataclass(frozen=True)
class Quantisation:
    """Codes and codebooks of items.

    Attributes:
        codes: int64 (items, levels).
        codebooks: codebook of each level, float32 (size of the level, width). Sizes may differ, because a level never
            has more codes than distinct vectors to quantise.
    """

    codes: torch.Tensor
    codebooks: tuple[torch.Tensor, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of codes of each level."""
        return tuple(len(codebook) for codebook in self.codebooks)


def check_vectors(vectors: torch.Tensor, name: str) -> None:
    """Check the vectors to quantise.

    Args:
        vectors: vectors of the items, (items, width).
        name: name of the vectors, for the error message.

    Raises:
        ValueError: the vectors are empty, not a matrix, or not finite.
    """
    if vectors.ndim != 2 or not vectors.numel():
        raise ValueError(f"{name}: found a tensor of shape {list(vectors.shape)}, expected one row for each item")
    finite = torch.isfinite(vectors).all(dim=1)
    if not finite.all():
        row = int((~finite).nonzero()[0, 0])
        raise ValueError(f"{name}: the vector of item {row} contains NaN or infinity, expected finite numbers")


def derived_seed(seed: int, *purpose: int) -> int:
    """Return a 31-bit seed for one of several purposes that share a seed."""
    return int(np.random.default_rng([seed, *purpose]).integers(2**31))


def standardised(vectors: torch.Tensor) -> torch.Tensor:
    """Return the vectors, centred and scaled to mean square 1, as float32 of the same shape.

    Learning rates are thus comparable across encoders.

    Raises:
        ValueError: all vectors are the same.
    """
    centre, size = centre_and_size(vectors)
    return ((vectors.double() - centre) / size).float()
