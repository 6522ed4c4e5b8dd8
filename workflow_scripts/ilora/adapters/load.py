"""How the load is shared among the experts: what a training log keeps of the gate."""

import math
from dataclasses import dataclass

import torch

COLLAPSE_THRESHOLD = 1 / 3
"""A gate counts as collapsed below this part of the way from one effective expert to all of them."""


@dataclass(frozen=True)
class ExpertLoad:
    """The expert weights of many sequences in a few numbers.

    Attributes:
        shares: mean weight of each expert, K numbers that sum to 1.
        entropy: mean entropy of a sequence's weights, divided by log K: 1 for uniform weights, 0 for a single expert.
            With one expert it is 1.
        effective_experts: exp of the entropy of the shares, from 1 to K: how many experts carry the load of the whole.
    """

    shares: tuple[float, ...]
    entropy: float
    effective_experts: float

    @property
    def has_collapsed(self) -> bool:
        """Whether few of the experts carry the load: fewer than 1.3 of 2, 2 of 4, 3.3 of 8. Never with one expert."""
        return self.effective_experts - 1 < COLLAPSE_THRESHOLD * (len(self.shares) - 1)


def expert_load(omega: torch.Tensor) -> ExpertLoad:
    """Summarise expert weights, float (sequences, K), rows summing to 1.

    Raises:
        ValueError: if there is no sequence.
    """
    if omega.ndim != 2 or not len(omega):
        raise ValueError(f"expected expert weights of shape (1 or more, K), found {tuple(omega.shape)}")
    weights = omega.detach().double()
    return _load_of(weights.mean(dim=0), _entropy(weights).mean())


class LoadMeter:
    """Adds up the expert weights of the batches that pass, until it is read."""

    def __init__(self) -> None:
        self._sequences = 0
        self._weights: torch.Tensor | None = None
        self._entropies: torch.Tensor | None = None

    @torch.compiler.disable  # a growing number would have every batch compiled anew
    def observe(self, omega: torch.Tensor) -> None:
        """Add the weights of a batch, float (sequences, K)."""
        weights = omega.detach().double()
        total, entropies = weights.sum(dim=0), _entropy(weights).sum()
        self._sequences += len(weights)
        self._weights = total if self._weights is None else self._weights + total
        self._entropies = entropies if self._entropies is None else self._entropies + entropies

    def read(self) -> ExpertLoad | None:
        """Give the load since the last reading, None if nothing passed, and begin anew."""
        sequences, weights, entropies = self._sequences, self._weights, self._entropies
        self._sequences, self._weights, self._entropies = 0, None, None
        if weights is None or entropies is None:
            return None
        return _load_of(weights / sequences, entropies / sequences)


def _load_of(shares: torch.Tensor, mean_entropy: torch.Tensor) -> ExpertLoad:
    experts = len(shares)
    entropy = 1.0 if experts == 1 else float(mean_entropy) / math.log(experts)
    return ExpertLoad(tuple(shares.tolist()), entropy, math.exp(float(_entropy(shares))))


def _entropy(weights: torch.Tensor) -> torch.Tensor:
    """In nats, over the last dimension."""
    return torch.special.entr(weights).sum(dim=-1)
