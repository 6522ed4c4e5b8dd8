"""A trainable codebook: vector quantisation (VQ-VAE, van den Oord et al. 2017)."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ilora.generative.residual_k_means import k_means


class Quantised(NamedTuple):
    """Quantised vectors.

    Attributes:
        vectors: vectors of the nearest codes, (rows, width); gradients pass straight through to the original vectors.
        codes: int64 (rows,).
        loss: codebook loss plus weighted commitment loss, (), as means over the rows of the squared distances.
    """

    vectors: torch.Tensor
    codes: torch.Tensor
    loss: torch.Tensor


class VectorQuantiser(nn.Module):
    """A codebook.

    Args:
        size: number of codes.
        width: width of a code's vector.
        beta: weight of the commitment loss, which pulls vectors towards their codes.

    Attributes:
        codebook: float32 (size, width), zero until `initialise` is called.
    """

    def __init__(self, size: int, width: int, beta: float) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.zeros(size, width))
        self._beta = beta

    @torch.no_grad()
    def initialise(self, vectors: torch.Tensor, seed: int) -> None:
        """Initialise the codes with the centroids of k-means, so that none is unused at first (TIGER, section 3.1).

        The codebook shrinks to the number of distinct vectors if there are fewer than codes.

        Args:
            vectors: (rows, width).
            seed: random seed of k-means.
        """
        centroids, _ = k_means(vectors.numpy().astype(np.float64), len(self.codebook), seed)
        self.codebook = nn.Parameter(torch.from_numpy(centroids).float())

    def nearest(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the nearest code of each vector, int64 (rows,); ties go to the first."""
        squares = (self.codebook**2).sum(dim=1)
        return (squares - 2 * vectors @ self.codebook.T).argmin(dim=1)

    def forward(self, vectors: torch.Tensor) -> Quantised:
        """Quantise vectors (rows, width)."""
        codes = self.nearest(vectors.detach())
        chosen = self.codebook[codes]
        to_codebook = ((vectors.detach() - chosen) ** 2).sum(dim=1).mean()
        to_commit = ((vectors - chosen.detach()) ** 2).sum(dim=1).mean()
        return Quantised(vectors + (chosen - vectors).detach(), codes, to_codebook + self._beta * to_commit)
