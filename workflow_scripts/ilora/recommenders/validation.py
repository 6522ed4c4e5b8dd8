"""How good a recommender is on the frozen candidate sets of the validation split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.predictions.scores import Ids, candidate_matrix, choose, score_candidates
from ilora.recommenders.models import item_embeddings, sequence_representations, training_loss
from ilora.recommenders.padded_sequences import PaddedSequences, pad_sequences


@dataclass(frozen=True)
class ValidationSets:
    """Validation sequences and their candidate sets.

    Attributes:
        sequences: the validation sequences.
        rows: int64 [sets], the place in `sequences` that each candidate set belongs to.
        candidates: int32 [sets, candidates], item ids.
        targets: int32 [sets], item ids.
    """

    sequences: PaddedSequences
    rows: npt.NDArray[np.int64]
    candidates: Ids
    targets: Ids


def validation_sets(sequences: pa.Table, candidates: pa.Table, *, items: int, maximum_history: int) -> ValidationSets:
    """Return the validation part of tables of the SEQUENCES and CANDIDATES schemas.

    Raises:
        ValueError: there is no validation sequence, or `pad_sequences` refuses one.
    """
    of_split = sequences.filter(pc.equal(sequences["split"], "val"))
    padded = pad_sequences(of_split, items, maximum_history)
    sets = candidates.filter(pc.is_in(candidates["sequence_id"], pc.unique(of_split["sequence_id"])))
    rows = np.searchsorted(of_split["sequence_id"].to_numpy(), sets["sequence_id"].to_numpy())
    targets = of_split["target"].to_numpy()[rows]
    return ValidationSets(padded, rows, candidate_matrix(sets), targets)


def hit_ratio(model: SequentialRecommender, validation: ValidationSets) -> float:
    """Return HitRatio@1 over all candidate sets, in 0 to 1; the model is left in evaluation mode."""
    representations = sequence_representations(model, validation.sequences)[validation.rows]
    scores = score_candidates(representations, item_embeddings(model), validation.candidates)
    return float((choose(scores, validation.candidates) == validation.targets).mean())


def loss(model: SequentialRecommender, validation: ValidationSets) -> float:
    """Return RecBole's loss of the validation sequences, in nats; the model is left in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return float(training_loss(model, validation.sequences))
