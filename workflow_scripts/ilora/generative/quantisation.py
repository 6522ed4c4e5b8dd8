"""What a quantiser makes of items: a code at each level, and the codebooks that the codes point into."""

from dataclasses import dataclass

import numpy as np
import torch

from ilora.recommenders.title_embedding import centre_and_size


@dataclass(frozen=True)
class Quantisation:
    """Codes of items.

    Attributes:
        codes: int64 (items, levels).
        codebooks: of each level, float32 (size of the level, width). Levels may be of different sizes: none has more
            codes than there are different vectors to quantise.
    """

    codes: torch.Tensor
    codebooks: tuple[torch.Tensor, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each level has."""
        return tuple(len(codebook) for codebook in self.codebooks)


def check_vectors(vectors: torch.Tensor, name: str) -> None:
    """Refuse what no quantiser can take.

    Args:
        vectors: of the items, (items, width).
        name: of the vectors, for the error.

    Raises:
        ValueError: there are none, they are no matrix, or one is not finite.
    """
    if vectors.ndim != 2 or not vectors.numel():
        raise ValueError(f"{name}: found a tensor of shape {list(vectors.shape)}, expected one row for each item")
    finite = torch.isfinite(vectors).all(dim=1)
    if not finite.all():
        row = int((~finite).nonzero()[0, 0])
        raise ValueError(f"{name}: the vector of item {row} holds NaN or infinity, expected finite numbers")


def derived_seed(seed: int, *purpose: int) -> int:
    """Return a seed of 31 bits for one purpose among several that share a seed."""
    return int(np.random.default_rng([seed, *purpose]).integers(2**31))


def standardised(vectors: torch.Tensor) -> torch.Tensor:
    """Return vectors that are centred and have a mean square of 1, float32 of the same shape.

    So the learning rate of a network that reads them means the same for every encoder's.

    Raises:
        ValueError: they are all the same.
    """
    centre, size = centre_and_size(vectors)
    return ((vectors.double() - centre) / size).float()
