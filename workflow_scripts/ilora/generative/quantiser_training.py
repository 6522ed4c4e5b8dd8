"""Training of codebooks with the network around them: mini-batches of items, a fixed number of passes."""

import math
from collections.abc import Callable

import torch
from torch import nn

from ilora.configuration.sections.generative import QuantiserTraining
from ilora.generative.quantisation import derived_seed

_ORDER = 1
"""The seed's purpose here."""


def total_steps(settings: QuantiserTraining, items: int) -> int:
    """Return how many steps the training takes."""
    return settings.epochs * math.ceil(items / settings.batch_size)


def train_quantiser(
    model: nn.Module,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    items: int,
    settings: QuantiserTraining,
    seed: int,
    on_step: Callable[[float], object],
) -> None:
    """Train in place.

    Args:
        model: with its codebooks.
        loss_of: gives the loss, (), over some items, whose ids it is given, int64 (rows,).
        items: how many there are.
        settings: how.
        seed: of the order of the items.
        on_step: called with the loss of each step.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    optimizer = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    model.train()
    for epoch in range(settings.epochs):
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
    model.eval()
