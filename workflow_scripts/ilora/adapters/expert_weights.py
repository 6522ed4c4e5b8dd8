"""The expert weights of the batch in flight, shared by every gated layer of one model."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

from ilora.adapters.config import Scale


class ExpertWeights:
    """Where gated layers read their factors: set before a forward pass, cleared after it.

    Clearing makes it impossible to answer a batch with the gates of another one. Gradient checkpointing, which runs
    layers again during backward, brings the factors back through `checkpoint_contexts`.

    Args:
        experts: K, at least 1.
        scale: see `ilora.adapters.config.InstanceWiseConfig`.

    Attributes:
        multiplier: what omega is multiplied by.
        ranks: of the layers that read it, multiples of K.
    """

    def __init__(self, experts: int, scale: Scale) -> None:
        self.experts = experts
        self.multiplier = float(experts) if scale == "per_expert_rank" else 1.0
        self.ranks: set[int] = set()
        self._factors: dict[int, torch.Tensor] | None = None

    def set(self, omega: torch.Tensor) -> None:
        """Use omega, float (rows, K), until it is cleared or set again.

        Raises:
            ValueError: if omega is no matrix with K columns.
        """
        if omega.ndim != 2 or omega.shape[1] != self.experts:
            raise ValueError(f"expected expert weights of shape (rows, {self.experts}), found {tuple(omega.shape)}")
        scaled = omega * self.multiplier
        # Here and not in each layer: there are hundreds of them, and for a GPU every small operation counts.
        self._factors = {rank: scaled.repeat_interleave(rank // self.experts, dim=1)[:, None, :] for rank in self.ranks}

    def clear(self) -> None:
        """Forget them: a forward pass without a gate is an error from now on."""
        self._factors = None

    def factors_for(self, activation: torch.Tensor, layer: str) -> torch.Tensor:
        """Give the factors, shape (rows, 1, r), of a rank-r activation of shape (rows, tokens, r).

        Args:
            activation: of any float dtype, which the factors take.
            layer: its name, for the errors.

        Raises:
            RuntimeError: if no expert weights are set, those of another batch are, or the activation is no batch of
                sequences (as inside a mixture-of-experts block, which flattens them).
        """
        if self._factors is None:
            raise RuntimeError(
                f"{layer}: no expert weights are set. Call the instance-wise model, not the model inside it; with "
                "gradient checkpointing, switch it on by the instance-wise model's gradient_checkpointing_enable()."
            )
        if activation.ndim != 3:
            raise RuntimeError(
                f"{layer}: expected activations of shape (rows, tokens, rank), found {tuple(activation.shape)}: this "
                "layer does not keep sequences apart and cannot be gated; leave it out of target_modules"
            )
        factors = self._factors[activation.shape[2]]
        if activation.shape[0] != factors.shape[0]:
            raise RuntimeError(
                f"{layer}: expert weights of {factors.shape[0]} sequences met a batch of "
                f"{activation.shape[0]} rows; give one sequence representation for each row"
            )
        return factors.to(activation.dtype)

    def checkpoint_contexts(self) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        """Give what `torch.utils.checkpoint` takes as ``context_fn``: the recomputation sees the weights of now."""
        if torch.compiler.is_compiling():
            # There the factors are an input of the compiled layer; what torch accepts recomputes all, as it would by
            # itself.
            return create_selective_checkpoint_contexts(_recompute)
        return nullcontext(), self._restored(self._factors)

    @contextmanager
    def _restored(self, factors: dict[int, torch.Tensor] | None) -> Iterator[None]:
        before, self._factors = self._factors, factors
        try:
            yield
        finally:
            self._factors = before


def _recompute(*_: Any, **__: Any) -> CheckpointPolicy:
    return CheckpointPolicy.PREFER_RECOMPUTE
