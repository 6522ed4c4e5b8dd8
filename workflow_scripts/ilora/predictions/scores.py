"""Candidates and their scores as matrices, scores from exported vectors, and the choice by highest score."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]


def candidate_matrix(candidates: pa.Table) -> Ids:
    """Return the item ids in the column `candidates` of a table, int32 [rows, candidates].

    Args:
        candidates: table of the CANDIDATES or the PREDICTIONS schema.

    Raises:
        ValueError: the rows have candidate sets of different sizes.
    """
    sizes = pc.unique(pc.list_value_length(candidates["candidates"])).to_pylist()
    if len(sizes) != 1:
        raise ValueError(f"found candidate sets of {sorted(sizes)} items, expected one size")
    return pc.list_flatten(candidates["candidates"]).to_numpy().reshape(candidates.num_rows, sizes[0])


def score_matrix(predictions: pa.Table) -> Scores | None:
    """Return the scores of every row, float64 [rows, candidates]; None for a method that only writes text."""
    if predictions["scores"].null_count == predictions.num_rows:
        return None
    return pc.list_flatten(predictions["scores"]).to_numpy().reshape(predictions.num_rows, -1)


def score_candidates(representations: Vectors, item_embeddings: Vectors, candidates: Ids) -> Scores:
    """Return the inner product of each row's representation and each of its candidates' embeddings.

    Sums are computed in float64, so that they do not depend on the order of a numerical library's float32 sums.

    Args:
        representations: one per candidate set, float32 [rows, d].
        item_embeddings: float32 [items, d], row = item id.
        candidates: item ids [rows, candidates].

    Returns:
        float64 [rows, candidates].
    """
    scores = np.empty(candidates.shape, dtype=np.float64)
    wide = representations.astype(np.float64)
    for place in range(candidates.shape[1]):
        scores[:, place] = (wide * item_embeddings[candidates[:, place]]).sum(axis=1)
    return scores


def choose(scores: Scores, candidates: Ids) -> Ids:
    """Return the candidate with the highest score in each row, int32 [rows]; ties go to the first.

    Candidate sets are shuffled, so this tie-breaking is unbiased.
    """
    best = scores.argmax(axis=1)
    return np.take_along_axis(candidates, best[:, None], axis=1)[:, 0]
