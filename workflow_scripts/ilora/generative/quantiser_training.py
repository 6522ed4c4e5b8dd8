"""Training of codebooks with the network around them: mini-batches of items, a fixed number of passes.

The network is trained without codebooks first. Codes that begin as k-means of what an untrained network encodes are
left behind as soon as it learns: on MovieLens-100K 15 of 64 codes of the first level were still used after 100 passes.
"""

from collections.abc import Callable

import torch
from torch import nn

from ilora.configuration.sections.generative import QuantiserTraining
from ilora.generative.quantisation import derived_seed

_ORDER = 1
"""The seed's purpose here."""


LossOf = Callable[[torch.Tensor], torch.Tensor]
"""Gives the loss, (), over some items, whose ids it is given, int64 (rows,)."""


def train_quantiser(
    model: nn.Module,
    loss_without_codebooks: LossOf,
    initialise: Callable[[], None],
    loss: LossOf,
    items: int,
    settings: QuantiserTraining,
    seed: int,
    on_step: Callable[[float], object],
) -> None:
    """Train in place: the network alone, and then all of it.

    Args:
        model: with its codebooks.
        loss_without_codebooks: of the network alone.
        initialise: makes the codebooks of what the network then encodes.
        loss: of all of it.
        items: how many there are.
        settings: how.
        seed: of the order of the items.
        on_step: called with the loss of each step.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    warmup, end = settings.warmup_epochs, settings.warmup_epochs + settings.epochs
    train_passes(model, loss_without_codebooks, items, range(warmup), settings, seed, on_step)
    initialise()
    train_passes(model, loss, items, range(warmup, end), settings, seed, on_step)
    model.eval()


def train_passes(
    model: nn.Module,
    loss_of: LossOf,
    items: int,
    passes: range,
    settings: QuantiserTraining,
    seed: int,
    on_step: Callable[[float], object],
) -> None:
    """Train over some passes in place; arguments as of `train_quantiser`.

    Args:
        model: what is trained.
        loss_of: its loss.
        items: how many there are.
        passes: their numbers, each with an order of the items of its own.
        settings: how.
        seed: of the orders.
        on_step: called with the loss of each step.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    optimizer = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    model.train()
    for epoch in passes:
        order = torch.randperm(items, generator=torch.Generator().manual_seed(derived_seed(seed, _ORDER, epoch)))
        for rows in order.split(settings.batch_size):
            loss = loss_of(rows)
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"the quantiser's loss is {loss.item()} in epoch {epoch + 1}, expected a finite number; lower its "
                    "learning_rate"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            on_step(loss.item())
