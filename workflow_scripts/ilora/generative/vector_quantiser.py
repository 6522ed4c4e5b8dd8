"""A codebook that is trained with the network before it: vector quantisation (van den Oord et al. 2017, VQ-VAE)."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ilora.generative.residual_k_means import k_means


class Quantised(NamedTuple):
    """What a codebook makes of vectors.

    Attributes:
        vectors: the nearest codes' vectors, (rows, width); their gradients go to what was quantised, as if nothing had
            been (straight-through).
        codes: int64 (rows,).
        loss: of codebook and commitment, (): mean over the rows of the squared distances.
    """

    vectors: torch.Tensor
    codes: torch.Tensor
    loss: torch.Tensor


class VectorQuantiser(nn.Module):
    """A codebook.

    Args:
        size: how many codes.
        width: of a code's vector.
        beta: weight of the commitment, which pulls what is quantised towards its code.

    Attributes:
        codebook: float32 (size, width), zero until `initialise` is called.
    """

    def __init__(self, size: int, width: int, beta: float) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.zeros(size, width))
        self._beta = beta

    @torch.no_grad()
    def initialise(self, vectors: torch.Tensor, seed: int) -> None:
        """Take the centroids of k-means as the codes, so that none is dead at first (TIGER, section 3.1).

        The codebook shrinks to as many codes as there are different vectors.

        Args:
            vectors: (rows, width).
            seed: of k-means.
        """
        centroids, _ = k_means(vectors.numpy().astype(np.float64), len(self.codebook), seed)
        self.codebook = nn.Parameter(torch.from_numpy(centroids).float())

    def nearest(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the code of each vector, int64 (rows,); of equally near ones, the first."""
        squares = (self.codebook**2).sum(dim=1)
        return (squares - 2 * vectors @ self.codebook.T).argmin(dim=1)

    def forward(self, vectors: torch.Tensor) -> Quantised:
        """Quantise vectors (rows, width)."""
        codes = self.nearest(vectors.detach())
        chosen = self.codebook[codes]
        to_codebook = ((vectors.detach() - chosen) ** 2).sum(dim=1).mean()
        to_commit = ((vectors - chosen.detach()) ** 2).sum(dim=1).mean()
        return Quantised(vectors + (chosen - vectors).detach(), codes, to_codebook + self._beta * to_commit)
