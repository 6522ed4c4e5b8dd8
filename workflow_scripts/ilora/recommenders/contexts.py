"""Contexts of CaseQ: their posterior given a history, its mean over random histories, and their divergence.

A context selects one unit of each layer, so D layers of K units have K ** D contexts (Yang et al. 2022, arXiv
2210.13005).
"""

import math
from collections.abc import Sequence

import torch


def log_posterior(layers: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return log q(c | x) of every context, (rows, K ** D), with the unit of the last layer varying fastest.

    Args:
        layers: log-weights of the units of each layer, (rows, K). Layers are independent given the history.
    """
    joint = layers[0]
    for layer in layers[1:]:
        joint = (joint[:, :, None] + layer[:, None, :]).flatten(1)
    return joint


def log_mean(posteriors: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the mean of posteriors, (contexts,), from their logarithms, (rows, contexts)."""
    return torch.logsumexp(posteriors, dim=0) - math.log(len(posteriors))


def divergence(posteriors: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """Return the mean of KL(q(c | x) || p(c)) over the rows, a scalar in nats; gradients flow through both.

    Args:
        posteriors: log q, (rows, contexts).
        prior: log p, (contexts,).
    """
    return (posteriors.exp() * (posteriors - prior)).sum(dim=1).mean()
