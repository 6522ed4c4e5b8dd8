"""The projector from the recommender's embedding space to the language model's (Eq. 6)."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ilora.artifacts.errors import damaged
from ilora.artifacts.tensors import read_tensors


class Projector(nn.Module):
    """Linear(d, h), GELU, Linear(h, h): maps an item embedding to the embedding of a behaviour token.

    Args:
        item_width: width d of the recommender's item embeddings.
        hidden_width: hidden size h of the language model.
    """

    def __init__(self, item_width: int, hidden_width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(item_width, hidden_width)
        self.contract = nn.Linear(hidden_width, hidden_width)

    def forward(self, item_vectors: torch.Tensor) -> torch.Tensor:
        """Map (..., d) to (..., h)."""
        return self.contract(nn.functional.gelu(self.expand(item_vectors)))

    @torch.no_grad()
    def scale_to_words(self, item_vectors: torch.Tensor, word_embeddings: torch.Tensor) -> None:
        """Scale the last layer so that behaviour tokens have, on average, the norm of a word embedding.

        Otherwise attention ignores them: the outputs of a new projector are far from the norm of a word embedding.

        Args:
            item_vectors: (items, d).
            word_embeddings: (vocabulary, h).
        """
        found = self(item_vectors).norm(dim=-1).mean()
        wanted = word_embeddings.float().norm(dim=-1).mean()
        self.contract.weight.mul_(wanted / found)
        self.contract.bias.mul_(wanted / found)


def unscaled_projector(item_vectors: torch.Tensor, causal_model: Any, seed: int) -> Projector:
    """Create a projector for a backbone with PyTorch's default initialisation."""
    torch.manual_seed(seed)
    return Projector(item_vectors.shape[1], causal_model.get_input_embeddings().weight.shape[1])


def fresh_projector(item_vectors: torch.Tensor, causal_model: Any, seed: int) -> Projector:
    """Create the same projector, with its outputs scaled to the norm of a word embedding."""
    projector = unscaled_projector(item_vectors, causal_model, seed)
    projector.scale_to_words(item_vectors, _word_embeddings(causal_model.get_input_embeddings()).cpu())
    return projector


@torch.no_grad()
def _word_embeddings(words: Any) -> torch.Tensor:
    """Return the embedding of every word as the model uses it, (vocabulary, h): Gemma scales its embedding table."""
    embedded: torch.Tensor = words(torch.arange(len(words.weight), device=words.weight.device))
    return embedded


def load_projector(path: str | os.PathLike[str]) -> Projector:
    """Load a projector from its saved state.

    Raises:
        ilora.artifacts.errors.ArtifactError: if the file is damaged, or does not contain a projector.
    """
    state = read_tensors(path)
    expected = set(Projector(1, 1).state_dict())
    if set(state) != expected:
        raise damaged(Path(path), f"found the tensors {sorted(state)}, expected a projector's: {sorted(expected)}")
    hidden_width, item_width = state["expand.weight"].shape
    projector = Projector(item_width, hidden_width)
    projector.load_state_dict(state)
    return projector
