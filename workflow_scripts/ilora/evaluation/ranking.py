"""Ranking metrics of a target among its candidates, exact under ties.

The metric is averaged over the ranks that the target and its ties occupy. This is the expectation under random
tie-breaking, and what scikit-learn's `ndcg_score` computes.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


def reciprocal_rank(scores: Scores, is_target: NDArray[np.bool_]) -> Scores:
    """Return 1 / rank of the target, float64 [rows].

    Args:
        scores: finite, float64 [rows, candidates]; higher is better.
        is_target: bool [rows, candidates], true at exactly one candidate of each row.
    """
    ranks = np.arange(1, scores.shape[1] + 1)
    return _mean_gain(scores, is_target, 1.0 / ranks)


def ndcg(scores: Scores, is_target: NDArray[np.bool_], cutoff: int) -> Scores:
    """Return the NDCG of one relevant item, float64 [rows]: 1 / log2(rank + 1) up to rank `cutoff`, then 0.

    Arguments as in `reciprocal_rank`; the ideal DCG of one relevant item is 1.
    """
    ranks = np.arange(1, scores.shape[1] + 1)
    return _mean_gain(scores, is_target, np.where(ranks <= cutoff, 1.0 / np.log2(ranks + 1), 0.0))


def _mean_gain(scores: Scores, is_target: NDArray[np.bool_], gain: Scores) -> Scores:
    """Return the mean of `gain` (by rank, best first) over the ranks that the target shares with its ties."""
    target_score = scores[is_target][:, None]
    return mean_gain((scores > target_score).sum(axis=1), (scores == target_score).sum(axis=1), gain)


def mean_gain(better: NDArray[np.integer], tied: NDArray[np.integer], gain: Scores) -> Scores:
    """Return the mean of `gain` over the ranks that each target shares with its ties, float64 [rows].

    Args:
        better: number of items ranked above the target, integer [rows].
        tied: number of items with the target's score, including the target, integer [rows].
        gain: gain by rank, best first, float64 [ranks].
    """
    cumulated = np.concatenate([[0.0], np.cumsum(gain)])
    return (cumulated[better + tied] - cumulated[better]) / tied
