"""Validation metrics of a recommender, on frozen candidate sets or among all items."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.evaluation.ranking import mean_gain
from ilora.predictions.scores import Ids, candidate_matrix, choose, score_candidates
from ilora.recommenders.models import item_embeddings, sequence_representations, training_loss, trim_padding
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences, pad_sequences

# Number of sequences whose scores of all items are in memory together.
_SEQUENCES_AT_ONCE = 256

# Number of sequences whose loss, over all items, is computed together.
_LOSSES_AT_ONCE = 4096

_CUTOFF = 10


@dataclass(frozen=True)
class ValidationSets:
    """Validation sequences and their candidate sets.

    Attributes:
        sequences: the validation sequences.
        rows: int64 [sets], index into `sequences` of each candidate set.
        candidates: int32 [sets, candidates], item ids.
        targets: int32 [sets], item ids.
    """

    sequences: PaddedSequences
    rows: npt.NDArray[np.int64]
    candidates: Ids
    targets: Ids

    def by_length(self) -> ValidationSets:
        """Return the same with the sequences sorted by length, which saves padding."""
        order = self.sequences.lengths.argsort(stable=True)
        places = np.empty(len(order), dtype=np.int64)
        places[order.numpy()] = np.arange(len(order))
        return replace(self, sequences=self.sequences.rows(order), rows=places[self.rows])


def validation_sets(sequences: pa.Table, candidates: pa.Table, *, items: int, maximum_history: int) -> ValidationSets:
    """Return the validation part of tables of the SEQUENCES and CANDIDATES schemas.

    Raises:
        ValueError: there is no validation sequence, or one is invalid (see `pad_sequences`).
    """
    of_split = sequences.filter(pc.equal(sequences["split"], "val"))
    padded = pad_sequences(of_split, items, maximum_history)
    sets = candidates.filter(pc.is_in(candidates["sequence_id"], pc.unique(of_split["sequence_id"])))
    rows = np.searchsorted(of_split["sequence_id"].to_numpy(), sets["sequence_id"].to_numpy())
    targets = of_split["target"].to_numpy()[rows]
    return ValidationSets(padded, rows, candidate_matrix(sets), targets)


def hit_ratio(model: SequentialRecommender, validation: ValidationSets) -> float:
    """Return HitRatio@1 over all candidate sets, from 0 to 1; the model is left in evaluation mode."""
    representations = sequence_representations(model, validation.sequences)[validation.rows]
    scores = score_candidates(representations, item_embeddings(model), validation.candidates)
    return float((choose(scores, validation.candidates) == validation.targets).mean())


def ndcg(model: SequentialRecommender, validation: ValidationSets) -> float:
    """Return NDCG@10 of the validation targets among all items, from 0 to 1; the model is left in evaluation mode."""
    representations = torch.from_numpy(sequence_representations(model, validation.sequences))
    embeddings, targets = torch.from_numpy(item_embeddings(model)), validation.sequences.targets[:, None] - FIRST_ITEM
    gains = []
    for rows in torch.arange(len(targets)).split(_SEQUENCES_AT_ONCE):
        scores = representations[rows] @ embeddings.T
        of_target = scores.gather(1, targets[rows])
        better, tied = ((compared.sum(dim=1).numpy()) for compared in (scores > of_target, scores == of_target))
        gains.append(mean_gain(better, tied, _discounts(len(embeddings))))
    return float(np.concatenate(gains).mean())


def _discounts(items: int) -> npt.NDArray[np.float64]:
    places = np.arange(1, items + 1)
    return np.where(places <= _CUTOFF, 1.0 / np.log2(places + 1.0), 0.0)


def loss(model: SequentialRecommender, validation: ValidationSets) -> float:
    """Return RecBole's loss of the validation sequences, in nats; the model is left in evaluation mode."""
    model.eval()
    sequences, total = validation.sequences, 0.0
    with torch.no_grad():
        for rows in torch.arange(len(sequences)).split(_LOSSES_AT_ONCE):
            value = training_loss(model, trim_padding(model, sequences.rows(rows)))
            total += float(value) * (len(rows) / len(sequences))
    return total
