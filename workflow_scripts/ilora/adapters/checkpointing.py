"""Gradient checkpointing: recomputation in the backward pass uses the gates of its own forward pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

from ilora.adapters.expert_weights import ExpertWeights

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]
"""Return type of a ``context_fn`` of `torch.utils.checkpoint`: contexts of the forward pass and its recomputation."""


def enable(
    model: nn.Module, asked: Mapping[str, Any] | None, contexts: Callable[[], Contexts], options: Mapping[str, Any]
) -> None:
    """Enable gradient checkpointing of a transformers model.

    Args:
        model: the base model.
        asked: the user's arguments of `torch.utils.checkpoint.checkpoint`.
        contexts: called in each forward pass; a plain function, because torch.compile accepts no other callable.
        options: further arguments of transformers' own method.

    Raises:
        ValueError: if reentrant checkpointing is requested, which would lose the gates.
    """
    settings = dict(asked or {})
    if settings.get("use_reentrant"):
        raise ValueError("found use_reentrant=True, expected False: reentrant checkpointing would lose the gates")
    settings.update(use_reentrant=False, context_fn=contexts)
    inner: Any = model
    # Later versions of transformers have this name and warn about the other.
    switch = getattr(inner, "activation_checkpointing_enable", None) or inner.gradient_checkpointing_enable
    switch(settings, **options)


def contexts_of(expert_weights: Iterable[ExpertWeights]) -> Contexts:
    """Return contexts in which the recomputation uses the current expert weights."""
    if torch.compiler.is_compiling():
        # The factors are then an input of the compiled layer. torch accepts only selective contexts here; these
        # recompute everything, which is its default.
        return create_selective_checkpoint_contexts(_recompute)
    opened = ExitStack()
    now = [(weights, weights.current) for weights in expert_weights]
    return nullcontext(), _restored(opened, now)


@contextmanager
def _restored(opened: ExitStack, factors: Sequence[tuple[ExpertWeights, Any]]) -> Iterator[None]:
    with opened:
        for weights, before in factors:
            opened.enter_context(weights.restored(before))
        yield


def _recompute(*_: Any, **__: Any) -> CheckpointPolicy:
    return CheckpointPolicy.PREFER_RECOMPUTE
