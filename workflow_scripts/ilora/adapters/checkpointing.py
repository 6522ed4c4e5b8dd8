"""Gradient checkpointing: what backward computes again sees the gates of its own forward pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

from ilora.adapters.expert_weights import ExpertWeights

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]
"""What `torch.utils.checkpoint` takes of a ``context_fn``: around the forward pass, and around its recomputation."""


def enable(
    model: nn.Module, asked: Mapping[str, Any] | None, contexts: Callable[[], Contexts], options: Mapping[str, Any]
) -> None:
    """Switch gradient checkpointing of a transformers model on.

    Args:
        model: the base model.
        asked: for `torch.utils.checkpoint.checkpoint`, by the user.
        contexts: asked anew in each forward pass; a plain function, for torch.compile takes no other callable.
        options: whatever else transformers' own method takes.

    Raises:
        ValueError: if reentrant checkpointing is asked for, which loses the gates.
    """
    settings = dict(asked or {})
    if settings.get("use_reentrant"):
        raise ValueError("found use_reentrant=True, expected False: the reentrant kind would lose the gates")
    settings.update(use_reentrant=False, context_fn=contexts)
    inner: Any = model
    # Its name in later versions of transformers, which warn of the other one.
    switch = getattr(inner, "activation_checkpointing_enable", None) or inner.gradient_checkpointing_enable
    switch(settings, **options)


def contexts_of(expert_weights: Iterable[ExpertWeights]) -> Contexts:
    """Give contexts in which the recomputation sees the weights of now."""
    if torch.compiler.is_compiling():
        # There the factors are an input of the compiled layer; what torch accepts recomputes all, as it would by
        # itself.
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
