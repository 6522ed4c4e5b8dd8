"""Alternatives to the cross-entropy over all items, the default loss of RecBole's models."""

import torch
from recbole.model.abstract_recommender import SequentialRecommender
from torch import nn
from torch.nn.functional import softplus

from ilora.configuration.sections.recommender_values import Loss
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences

# RecBole's name of a loss with one negative per target.
_PAIRWISE = "BPR"


class BinaryCrossEntropy(nn.Module):
    """The loss of SASRec's authors (Kang and McAuley 2018, Section 3.5): the target is 1, a negative 0."""

    def forward(self, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of a batch, a scalar in nats, from scores of targets and negatives, (batch,) each."""
        return (softplus(-positive) + softplus(negative)).mean()


def train_by(model: SequentialRecommender, loss: Loss) -> None:
    """Set the loss that a model is trained with; its weights do not change."""
    if loss == "binary_cross_entropy":
        model.loss_type = _PAIRWISE
        model.loss_fct = BinaryCrossEntropy()


def takes_negatives(model: SequentialRecommender) -> bool:
    """Return whether the model's loss compares each target with one negative."""
    return bool(model.loss_type == _PAIRWISE)


def draw_negatives(batch: PaddedSequences, tokens: int) -> torch.Tensor:
    """Draw for each sequence an item that is neither its target nor in its history, int64 [batch], RecBole's tokens.

    Items are drawn uniformly with torch's global random generator.

    Args:
        batch: batch on the CPU.
        tokens: number of RecBole's tokens, including its padding.

    Raises:
        ValueError: a history may contain so many items that no negative is left.
    """
    known = torch.cat([batch.histories, batch.targets[:, None]], dim=1)
    if tokens - FIRST_ITEM <= known.shape[1]:
        raise ValueError(
            f"recommenders.loss: found {tokens - FIRST_ITEM} items and histories of up to {known.shape[1] - 1}, which "
            "leave no negative. Use cross_entropy, or a smaller data.maximum_history."
        )
    negatives = torch.randint(FIRST_ITEM, tokens, (len(batch),))
    while (again := (known == negatives[:, None]).any(dim=1)).any():
        negatives[again] = torch.randint(FIRST_ITEM, tokens, (int(again.sum()),))
    return negatives
