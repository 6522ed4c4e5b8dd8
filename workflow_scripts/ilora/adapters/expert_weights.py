"""The expert weights of the current batch, shared by all gated layers of one adapter."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ilora.adapters.config import Scale

Factors = dict[int, torch.Tensor]
"""Factors of the activations, by their rank r: float (rows, 1, r), or (r,) if they are equal for all rows."""

#: torch's id of the backward pass outside any backward pass.
_NO_BACKWARD = -1


class _Batch:
    """The factors of one thread, and the backward pass in which they were set."""

    def __init__(self) -> None:
        self.factors: Factors | None = None
        self.backward = _NO_BACKWARD


class _Threads(threading.local):
    """The batch of each thread: a server's threads share the model but not their batches.

    The batch is a separate object because a compiled model loses attributes that it sets directly on a thread-local
    when it is interrupted.
    """

    def __init__(self) -> None:
        self.batch = _Batch()


class ExpertWeights:
    """The factors that gated layers read: set before a forward pass and cleared after it, separately in each thread.

    Clearing ensures that a batch is never computed with the gates of another. Gradient checkpointing, which reruns
    layers during the backward pass, restores the factors with `current` and `restored`.

    Args:
        experts: number of experts K, at least 1.
        scale: see `ilora.adapters.config.InstanceWiseConfig`.

    Attributes:
        multiplier: multiplier of omega.
        ranks: ranks of the gated layers, multiples of K.
    """

    def __init__(self, experts: int, scale: Scale) -> None:
        self.experts = experts
        self.multiplier = float(experts) if scale == "per_expert_rank" else 1.0
        self.ranks: set[int] = set()
        self._in_flight = _Threads()

    def __getstate__(self) -> dict[str, Any]:
        # A copy starts without a current batch.
        return {name: value for name, value in self.__dict__.items() if name != "_in_flight"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _in_flight=_Threads())

    def set(self, omega: torch.Tensor) -> None:
        """Use omega, float (rows, K), until it is cleared or set again.

        Raises:
            ValueError: if omega is not a matrix with K columns.
        """
        if omega.ndim != 2 or omega.shape[1] != self.experts:
            raise ValueError(f"expected expert weights of shape (rows, {self.experts}), found {tuple(omega.shape)}")
        scaled = omega * self.multiplier
        # Expanded here and not in each of hundreds of layers: on a GPU, small operations add up.
        self._put({rank: scaled.repeat_interleave(rank // self.experts, dim=1)[:, None, :] for rank in self.ranks})

    def set_for_all(self, omega: torch.Tensor) -> None:
        """Use omega, float (K,), for every sequence, whatever the layout of the activations.

        Raises:
            ValueError: if omega is not a vector of K numbers.
        """
        if omega.shape != (self.experts,):
            raise ValueError(f"expected expert weights of shape ({self.experts},), found {tuple(omega.shape)}")
        scaled = omega * self.multiplier
        self._put({rank: scaled.repeat_interleave(rank // self.experts) for rank in self.ranks})

    def clear(self) -> None:
        """Clear the factors; a forward pass without a gate then raises an error."""
        self._in_flight.batch.factors = None

    @property
    def current(self) -> Factors | None:
        """The factors of this thread, or None if no gate is open."""
        return self._in_flight.batch.factors

    @contextmanager
    def restored(self, factors: Factors | None) -> Iterator[None]:
        """Use factors that were `current` earlier, within the context."""
        before, backward = self._in_flight.batch.factors, self._in_flight.batch.backward
        self._put(factors)
        try:
            yield
        finally:
            self._in_flight.batch.factors, self._in_flight.batch.backward = before, backward

    def factors_for(self, activation: torch.Tensor, layer: str) -> torch.Tensor:
        """Return the factors, float (rows, 1, r), of a rank-r activation, float (rows, tokens, r).

        Factors that are equal for all rows have the shape (r,); the activation may then have any shape that ends in r.

        Args:
            activation: rank-r activation; the factors are returned in its dtype and on its device.
            layer: name of the layer, for error messages.

        Raises:
            RuntimeError: if no expert weights are set, they belong to another batch, or the activation is not a batch
                of sequences (as inside a mixture-of-experts block, which flattens them).
        """
        found = self._in_flight.batch.factors
        # A layer that reruns in the backward pass must not use gates that happen to be open around it.
        if found is None or (not torch.compiler.is_compiling() and self._in_flight.batch.backward != _backward()):
            raise RuntimeError(
                f"{layer}: no expert weights are set. Call the instance-wise model, not the model inside it. Enable "
                "gradient checkpointing with gradient_checkpointing_enable() of the instance-wise model."
            )
        factors = found.get(activation.shape[-1])
        if factors is None:
            raise RuntimeError(
                f"{layer}: found an activation of rank {activation.shape[-1]}, expected one of {sorted(found)}: its "
                "weights were replaced after gating"
            )
        if factors.ndim == 1:
            return factors.to(activation.dtype)
        if activation.ndim != 3:
            raise RuntimeError(
                f"{layer}: expected activations of shape (rows, tokens, rank), found {tuple(activation.shape)}: this "
                "layer does not keep sequences apart and cannot be gated; leave it out of target_modules"
            )
        if activation.shape[0] != factors.shape[0]:
            raise RuntimeError(
                f"{layer}: found expert weights of {factors.shape[0]} sequences for a batch of "
                f"{activation.shape[0]} rows; pass one sequence representation for each row"
            )
        return factors.to(activation.device, activation.dtype)

    def _put(self, factors: Factors | None) -> None:
        self._in_flight.batch.factors = factors
        if not torch.compiler.is_compiling():
            self._in_flight.batch.backward = _backward()


def _backward() -> int:
    """Return the id of the backward pass that this thread runs in, or -1."""
    return torch._C._current_graph_task_id()
