"""RQ-VAE: an autoencoder with residual quantisation of its code (TIGER, arXiv 2305.05065, section 3.1)."""

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from ilora.configuration.sections.generative import QuantiserTraining
from ilora.generative.perceptron import perceptron
from ilora.generative.quantisation import Quantisation, check_vectors, derived_seed, standardised
from ilora.generative.quantiser_training import train_quantiser
from ilora.generative.vector_quantiser import Quantised, VectorQuantiser

_WEIGHTS, _CODEBOOKS = 0, 2
"""Purposes of seeds derived in this module."""


class ResidualVectorQuantiser(nn.Module):
    """Codebooks, each of which quantises the residuals of the previous ones.

    Args:
        levels: number of codebooks.
        size: size of each codebook.
        width: width of a code's vector.
        beta: weight of the commitment loss.
    """

    def __init__(self, levels: int, size: int, width: int, beta: float) -> None:
        super().__init__()
        self._levels = nn.ModuleList(VectorQuantiser(size, width, beta) for _ in range(levels))

    @property
    def levels(self) -> list[VectorQuantiser]:
        """The codebooks, in order."""
        return [cast(VectorQuantiser, level) for level in self._levels]

    @torch.no_grad()
    def initialise(self, vectors: torch.Tensor, seed: int) -> None:
        """Initialise the codes of each level with the centroids of k-means.

        Args:
            vectors: (rows, width).
            seed: random seed of k-means.
        """
        for number, level in enumerate(self.levels):
            level.initialise(vectors, derived_seed(seed, _CODEBOOKS, number))
            vectors = vectors - level(vectors).vectors

    def forward(self, vectors: torch.Tensor) -> Quantised:
        """Quantise vectors (rows, width); the codes are (rows, levels), the loss is the sum over levels."""
        residuals, total, codes, losses = vectors, torch.zeros_like(vectors), [], []
        for level in self.levels:
            quantised = level(residuals)
            residuals, total = residuals - quantised.vectors.detach(), total + quantised.vectors.detach()
            codes.append(quantised.codes)
            losses.append(quantised.loss)
        straight_through = vectors + (total - vectors).detach()
        return Quantised(straight_through, torch.stack(codes, dim=1), torch.stack(losses).sum())


class RQVAE(nn.Module):
    """An encoder, residual codebooks and a decoder.

    Args:
        width: width of the item vectors.
        levels: number of codebooks.
        size: size of each codebook.
        settings: settings of the network.
    """

    def __init__(self, width: int, levels: int, size: int, settings: QuantiserTraining) -> None:
        super().__init__()
        widths = (width, *settings.hidden_sizes, settings.code_size)
        self.encoder = perceptron(widths)
        self.quantiser = ResidualVectorQuantiser(levels, size, settings.code_size, settings.beta)
        self.decoder = perceptron(widths[::-1])

    def loss_without_codebooks(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the squared reconstruction error without quantisation, the mean over rows (rows, width)."""
        return ((vectors - self.decoder(self.encoder(vectors))) ** 2).sum(dim=1).mean()

    def loss(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the squared reconstruction error plus the codebooks' loss, the mean over rows (rows, width)."""
        quantised = self.quantiser(self.encoder(vectors))
        error = ((vectors - self.decoder(quantised.vectors)) ** 2).sum(dim=1).mean()
        return error + quantised.loss


def quantise_by_rq_vae(
    vectors: torch.Tensor,
    levels: int,
    size: int,
    settings: QuantiserTraining,
    seed: int,
    on_step: Callable[[float], object] = lambda loss: None,
) -> Quantisation:
    """Train an RQ-VAE on the vectors of all items and return their codes.

    As in the paper, unused codes are not reinitialised; the statistics of the ids count them. There are three
    differences from the paper: the vectors are standardised, the network is first trained without codebooks, and
    k-means runs on all items instead of the first batch.

    Args:
        vectors: vectors of the items, float32 (items, width).
        levels: number of codes per item.
        size: size of each codebook.
        settings: settings of the network and its training.
        seed: random seed of weights, codebooks and the order of the items. torch's global generator is not changed.
        on_step: called with the loss of each step.

    Raises:
        ValueError: see `ilora.generative.quantisation.check_vectors`.
        FloatingPointError: see `ilora.generative.quantiser_training.train_quantiser`.
    """
    check_vectors(vectors, "item vectors")
    inputs = standardised(vectors)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, _WEIGHTS))
        model = RQVAE(inputs.shape[1], levels, size, settings)

    @torch.no_grad()
    def initialise() -> None:
        model.quantiser.initialise(model.encoder(inputs), seed)

    train_quantiser(
        model,
        lambda rows: model.loss_without_codebooks(inputs[rows]),
        initialise,
        lambda rows: model.loss(inputs[rows]),
        len(inputs),
        settings,
        seed,
        on_step,
    )
    with torch.no_grad():
        codes = model.quantiser(model.encoder(inputs)).codes
    return Quantisation(codes, tuple(level.codebook.detach() for level in model.quantiser.levels))
