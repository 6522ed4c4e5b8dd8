"""CoFiRec's tokenizer (arXiv 2511.22707): each level of an item's information has its own vector and codebook.

The text levels (category, title, description) share one encoder and one decoder; the collaborative level has its own
projection. Levels are quantised independently, not residually. The paper does not specify how a level is reconstructed:
here, each is reconstructed from its own code, by the shared decoder or a linear map.
"""

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import nn

from ilora.configuration.sections.generative import QuantiserTraining
from ilora.generative.perceptron import perceptron
from ilora.generative.quantisation import Quantisation, check_vectors, derived_seed, standardised
from ilora.generative.quantiser_training import train_quantiser
from ilora.generative.vector_quantiser import Quantised, VectorQuantiser

COLLABORATIVE = "collaborative"

_WEIGHTS, _CODEBOOKS = 0, 2
"""Purposes of seeds derived in this module."""


class LevelQuantiser(nn.Module):
    """A codebook for each level, between encoders and decoders.

    Args:
        widths: width of each level's vectors, by name, in the order of the levels; equal for all text levels.
        size: size of each codebook.
        settings: settings of the network.
    """

    def __init__(self, widths: Mapping[str, int], size: int, settings: QuantiserTraining) -> None:
        super().__init__()
        texts = {width for name, width in widths.items() if name != COLLABORATIVE}
        if len(texts) > 1:
            raise ValueError(f"levels of text: found vectors of widths {sorted(texts)}, expected the same for all")
        networks = {}
        for text_width in texts:
            layers = (text_width, *settings.hidden_sizes, settings.code_size)
            networks["text"] = (perceptron(layers), perceptron(layers[::-1]))
        if COLLABORATIVE in widths:
            own = (widths[COLLABORATIVE], settings.code_size)
            networks[COLLABORATIVE] = (perceptron(own), perceptron(own[::-1]))
        self.encoders = nn.ModuleDict({name: encoder for name, (encoder, _) in networks.items()})
        self.decoders = nn.ModuleDict({name: decoder for name, (_, decoder) in networks.items()})
        self._codebooks = nn.ModuleDict(
            {name: VectorQuantiser(size, settings.code_size, settings.beta) for name in widths}
        )

    @property
    def codebooks(self) -> dict[str, VectorQuantiser]:
        """The codebook of each level, by name, in the order of the levels."""
        return {name: cast(VectorQuantiser, codebook) for name, codebook in self._codebooks.items()}

    @torch.no_grad()
    def initialise(self, vectors: Mapping[str, torch.Tensor], seed: int) -> None:
        """Initialise the codes of each level with the centroids of k-means.

        Args:
            vectors: vectors of each level, (rows, width of the level).
            seed: random seed of k-means.
        """
        for number, (name, codebook) in enumerate(self.codebooks.items()):
            codebook.initialise(self._encode(name, vectors[name]), derived_seed(seed, _CODEBOOKS, number))

    def quantise(self, name: str, vectors: torch.Tensor) -> Quantised:
        """Quantise the vectors of one level, (rows, width of the level)."""
        quantised: Quantised = self.codebooks[name](self._encode(name, vectors))
        return quantised

    def loss_without_codebooks(self, vectors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over levels of the squared reconstruction error without quantisation, ()."""
        losses = []
        for name, of_level in vectors.items():
            restored = self.decoders[_network(name)](self._encode(name, of_level))
            losses.append(((of_level - restored) ** 2).sum(dim=1).mean())
        return torch.stack(losses).sum()

    def loss(self, vectors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over levels of the squared reconstruction error plus the codebook's loss, ()."""
        losses = []
        for name, of_level in vectors.items():
            quantised = self.quantise(name, of_level)
            decoder = self.decoders[_network(name)]
            losses.append(((of_level - decoder(quantised.vectors)) ** 2).sum(dim=1).mean() + quantised.loss)
        return torch.stack(losses).sum()

    def _encode(self, name: str, vectors: torch.Tensor) -> torch.Tensor:
        encoded: torch.Tensor = self.encoders[_network(name)](vectors)
        return encoded


def _network(level: str) -> str:
    return level if level == COLLABORATIVE else "text"


def quantise_levels(
    vectors: Mapping[str, torch.Tensor],
    size: int,
    settings: QuantiserTraining,
    seed: int,
    on_step: Callable[[float], object] = lambda loss: None,
) -> Quantisation:
    """Train a codebook for each level on all items and return their codes, in the order of the levels.

    Args:
        vectors: vectors of each level, float32 (items, width of the level).
        size: size of each codebook.
        settings: settings of the network and its training.
        seed: random seed of weights, codebooks and the order of the items. torch's global generator is not changed.
        on_step: called with the loss of each step.

    Raises:
        ValueError: there is no level, levels have different numbers of items, or vectors are invalid (see
            `ilora.generative.quantisation.check_vectors`).
        FloatingPointError: see `ilora.generative.quantiser_training.train_quantiser`.
    """
    items = {name: len(of_level) for name, of_level in vectors.items()}
    if len(set(items.values())) != 1:
        raise ValueError(f"levels: found vectors of {items or 'no'} items, expected the same items at each level")
    for name, of_level in vectors.items():
        check_vectors(of_level, f"vectors of the level {name}")
    inputs = {name: standardised(of_level) for name, of_level in vectors.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, _WEIGHTS))
        model = LevelQuantiser({name: of_level.shape[1] for name, of_level in inputs.items()}, size, settings)

    def of_rows(rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: of_level[rows] for name, of_level in inputs.items()}

    train_quantiser(
        model,
        lambda rows: model.loss_without_codebooks(of_rows(rows)),
        lambda: model.initialise(inputs, seed),
        lambda rows: model.loss(of_rows(rows)),
        next(iter(items.values())),
        settings,
        seed,
        on_step,
    )
    with torch.no_grad():
        codes = torch.stack([model.quantise(name, of_level).codes for name, of_level in inputs.items()], dim=1)
    return Quantisation(codes, tuple(model.codebooks[name].codebook.detach() for name in inputs))
