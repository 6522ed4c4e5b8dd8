"""The expert weights of the batch in flight, shared by every gated layer of one adapter."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ilora.adapters.config import Scale

Factors = dict[int, torch.Tensor]
"""What multiplies the activations, by their rank r: float (rows, 1, r), or (r,) where it is the same for all rows."""

#: What torch calls the backward pass that runs when none does.
_NO_BACKWARD = -1


class _Batch:
    """What one thread computes with, and the backward pass in which that was set."""

    def __init__(self) -> None:
        self.factors: Factors | None = None
        self.backward = _NO_BACKWARD


class _Threads(threading.local):
    """The batch of each thread: a server's threads share the model and must not share their batches.

    It is an object of its own, for a compiled model that is interrupted loses what it sets on a thread's local itself.
    """

    def __init__(self) -> None:
        self.batch = _Batch()


class ExpertWeights:
    """Where gated layers read their factors: set before a forward pass, cleared after it, each thread with its own.

    Clearing makes it impossible to answer a batch with the gates of another one. Gradient checkpointing, which runs
    layers again during backward, brings the factors back by `current` and `restored`.

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
        self._in_flight = _Threads()

    def __getstate__(self) -> dict[str, Any]:
        # A copy begins without a batch in flight.
        return {name: value for name, value in self.__dict__.items() if name != "_in_flight"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _in_flight=_Threads())

    def set(self, omega: torch.Tensor) -> None:
        """Use omega, float (rows, K), until it is cleared or set again.

        Raises:
            ValueError: if omega is no matrix with K columns.
        """
        if omega.ndim != 2 or omega.shape[1] != self.experts:
            raise ValueError(f"expected expert weights of shape (rows, {self.experts}), found {tuple(omega.shape)}")
        scaled = omega * self.multiplier
        # Here and not in each layer: there are hundreds of them, and for a GPU every small operation counts.
        self._put({rank: scaled.repeat_interleave(rank // self.experts, dim=1)[:, None, :] for rank in self.ranks})

    def set_for_all(self, omega: torch.Tensor) -> None:
        """Use omega, float (K,), for every sequence, in whatever form the model has their activations.

        Raises:
            ValueError: if omega is no vector of K numbers.
        """
        if omega.shape != (self.experts,):
            raise ValueError(f"expected expert weights of shape ({self.experts},), found {tuple(omega.shape)}")
        scaled = omega * self.multiplier
        self._put({rank: scaled.repeat_interleave(rank // self.experts) for rank in self.ranks})

    def clear(self) -> None:
        """Forget them: a forward pass without a gate is an error from now on."""
        self._in_flight.batch.factors = None

    @property
    def current(self) -> Factors | None:
        """The factors that this thread computes with, None without a gate."""
        return self._in_flight.batch.factors

    @contextmanager
    def restored(self, factors: Factors | None) -> Iterator[None]:
        """While it lasts, use factors that were `current` before."""
        before, backward = self._in_flight.batch.factors, self._in_flight.batch.backward
        self._put(factors)
        try:
            yield
        finally:
            self._in_flight.batch.factors, self._in_flight.batch.backward = before, backward

    def factors_for(self, activation: torch.Tensor, layer: str) -> torch.Tensor:
        """Give the factors, shape (rows, 1, r), of a rank-r activation of shape (rows, tokens, r).

        Those that are the same for every row have the shape (r,), and the activation may have any that ends in r.

        Args:
            activation: of any float dtype and device, which the factors take.
            layer: its name, for the errors.

        Raises:
            RuntimeError: if no expert weights are set, those of another batch are, or the activation is no batch of
                sequences (as inside a mixture-of-experts block, which flattens them).
        """
        found = self._in_flight.batch.factors
        # A layer that runs again in backward must not take the gates of what happens to be open around backward.
        if found is None or (not torch.compiler.is_compiling() and self._in_flight.batch.backward != _backward()):
            raise RuntimeError(
                f"{layer}: no expert weights are set. Call the instance-wise model, not the model inside it; with "
                "gradient checkpointing, switch it on by the instance-wise model's gradient_checkpointing_enable()."
            )
        factors = found.get(activation.shape[-1])
        if factors is None:
            raise RuntimeError(
                f"{layer}: found an activation of rank {activation.shape[-1]}, expected one of {sorted(found)}: its "
                "weights are no longer those that were gated"
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
                f"{layer}: expert weights of {factors.shape[0]} sequences met a batch of "
                f"{activation.shape[0]} rows; give one sequence representation for each row"
            )
        return factors.to(activation.device, activation.dtype)

    def _put(self, factors: Factors | None) -> None:
        self._in_flight.batch.factors = factors
        if not torch.compiler.is_compiling():
            self._in_flight.batch.backward = _backward()


def _backward() -> int:
    """Which backward pass this thread runs in, -1 in none."""
    return torch._C._current_graph_task_id()
