"""Training of codebooks with the network around them, on mini-batches of items for a fixed number of passes.

The network is first trained without codebooks. Codes initialised by k-means on the output of an untrained network fall
out of use as soon as it learns: on MovieLens-100K, only 15 of 64 codes of the first level were still used after 100
passes.
"""

from collections.abc import Callable

import torch
from torch import nn

from ilora.configuration.sections.generative import QuantiserTraining
from ilora.generative.quantisation import derived_seed

_ORDER = 1
"""Purpose of seeds derived in this module."""


LossOf = Callable[[torch.Tensor], torch.Tensor]
"""Returns the loss, (), of the items with the given ids, int64 (rows,)."""


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
    """Train in place: first the network without codebooks, then everything.

    Args:
        model: network with its codebooks.
        loss_without_codebooks: loss of the network without codebooks.
        initialise: initialises the codebooks from the network's encodings.
        loss: loss of network and codebooks.
        items: number of items.
        settings: training settings.
        seed: random seed of the order of the items.
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
    """Train in place for the given passes.

    Args:
        model: model to train.
        loss_of: loss of the model.
        items: number of items.
        passes: numbers of the passes, each of which has its own order of the items.
        settings: training settings.
        seed: random seed of the orders.
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
