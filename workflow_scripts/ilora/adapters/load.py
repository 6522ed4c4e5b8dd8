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
        # The sum of each expert's weights, that of the entropies, and the number of sequences: a tensor, for a number
        # that grows would have every batch compiled anew.
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
        """Give the load since the last reading, None if nothing passed, and begin anew."""
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
    """In nats, over the last dimension."""
    return torch.special.entr(weights).sum(dim=-1)
