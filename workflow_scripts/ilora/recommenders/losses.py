"""Losses of a recommender beside the cross-entropy over all items that RecBole's models are built with."""

import torch
from recbole.model.abstract_recommender import SequentialRecommender
from torch import nn
from torch.nn.functional import softplus

from ilora.configuration.sections.recommender_values import Loss
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences

# What RecBole's models call a loss of a target and one negative.
_PAIRWISE = "BPR"


class BinaryCrossEntropy(nn.Module):
    """The loss of SASRec's authors (Kang and McAuley 2018, Section 3.5): the target is 1, a negative 0."""

    def forward(self, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        """Return the mean over a batch, a scalar in nats, of the scores of targets and negatives, (batch,) each."""
        return (softplus(-positive) + softplus(negative)).mean()


def train_by(model: SequentialRecommender, loss: Loss) -> None:
    """Have a model that was built trained by a loss; its weights do not change."""
    if loss == "binary_cross_entropy":
        model.loss_type = _PAIRWISE
        model.loss_fct = BinaryCrossEntropy()


def takes_negatives(model: SequentialRecommender) -> bool:
    """Whether the model's loss compares each target with one negative."""
    return bool(model.loss_type == _PAIRWISE)


def draw_negatives(batch: PaddedSequences, tokens: int) -> torch.Tensor:
    """Return for each sequence an item that is neither its target nor in its history, int64 [batch], RecBole's tokens.

    They are drawn uniformly, by torch's global random generator.

    Args:
        batch: on the CPU.
        tokens: number of RecBole's tokens, its padding included.

    Raises:
        ValueError: a history may hold so many items that none might be left.
    """
    known = torch.cat([batch.histories, batch.targets[:, None]], dim=1)
    if tokens - FIRST_ITEM <= known.shape[1]:
        raise ValueError(
            f"recommenders.loss: found {tokens - FIRST_ITEM} items and histories of up to {known.shape[1] - 1}, which "
            "leave no negative. Take cross_entropy, or a smaller data.maximum_history."
        )
    negatives = torch.randint(FIRST_ITEM, tokens, (len(batch),))
    while (again := (known == negatives[:, None]).any(dim=1)).any():
        negatives[again] = torch.randint(FIRST_ITEM, tokens, (int(again.sum()),))
    return negatives
