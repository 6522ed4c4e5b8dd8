"""Contexts of CaseQ: their posterior given a history, its mean over random histories, and how far these are apart.

A context names one unit of each layer, so D layers of K units have K ** D of them (Yang et al. 2022, arXiv 2210.13005).
"""

import math
from collections.abc import Sequence

import torch


def log_posterior(layers: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return log q(c | x) of every context, (rows, K ** D), the unit of the last layer varying fastest.

    Args:
        layers: for each layer, the logarithms of its units' weights, (rows, K). Given the history, layers are
            independent.
    """
    joint = layers[0]
    for layer in layers[1:]:
        joint = (joint[:, :, None] + layer[:, None, :]).flatten(1)
    return joint


def log_mean(posteriors: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the mean of posteriors, (contexts,), which are given as logarithms, (rows, contexts)."""
    return torch.logsumexp(posteriors, dim=0) - math.log(len(posteriors))


def divergence(posteriors: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """Return the mean of KL(q(c | x) || p(c)) over the rows, a scalar in nats; gradients go through both.

    Args:
        posteriors: log q, (rows, contexts).
        prior: log p, (contexts,).
    """
    return (posteriors.exp() * (posteriors - prior)).sum(dim=1).mean()
