"""The load of the experts: a summary of the gate for the training log."""

import math
from dataclasses import dataclass

import torch

COLLAPSE_THRESHOLD = 1 / 3
"""A gate counts as collapsed below this fraction of the way from one effective expert to all of them."""


@dataclass(frozen=True)
class ExpertLoad:
    """Summary of the expert weights of many sequences.

    Attributes:
        shares: mean weight of each expert, K numbers that sum to 1.
        entropy: mean entropy of a sequence's weights, divided by log K: 1 for uniform weights, 0 for a single expert.
            It is 1 if K is 1.
        effective_experts: exponential of the entropy of the shares, from 1 to K: how many experts carry the total load.
    """

    shares: tuple[float, ...]
    entropy: float
    effective_experts: float

    @property
    def has_collapsed(self) -> bool:
        """Whether few experts carry the load: fewer than 1.3 of 2, 2 of 4 or 3.3 of 8. Never with one expert."""
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
    """Accumulates the expert weights of batches until it is read."""

    def __init__(self) -> None:
        # The sum of each expert's weights, the sum of the entropies, and the number of sequences. A tensor, because a
        # growing Python number would trigger a recompilation for every batch.
        self._totals: torch.Tensor | None = None

    def observe(self, omega: torch.Tensor) -> None:
        """Add the weights of a batch, float (sequences, K)."""
        weights = omega.detach().double()
        entropies, sequences = _entropy(weights).sum()[None], weights.new_full((1,), len(weights))
        batch = torch.cat([weights.sum(dim=0), entropies, sequences])
        if self._totals is None:
            self._totals = batch
        else:
            self._totals += batch

    def read(self) -> ExpertLoad | None:
        """Return the load since the last call, or None if there was none, and reset the meter."""
        if self._totals is None:
            return None
        *_, entropies, sequences = self._totals.clone()
        shares = self._totals[:-2] / sequences
        self._totals.zero_()
        return _load_of(shares, entropies / sequences) if sequences else None


def _load_of(shares: torch.Tensor, mean_entropy: torch.Tensor) -> ExpertLoad:
    experts = len(shares)
    entropy = 1.0 if experts == 1 else float(mean_entropy) / math.log(experts)
    return ExpertLoad(tuple(shares.tolist()), entropy, math.exp(float(_entropy(shares))))


def _entropy(weights: torch.Tensor) -> torch.Tensor:
    """Return the entropy over the last dimension, in nats."""
    return torch.special.entr(weights).sum(dim=-1)
