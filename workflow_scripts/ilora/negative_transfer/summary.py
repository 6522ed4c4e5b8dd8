"""Means over seeds: what every method reaches, what it gains over uniform LoRA, and whether gradients foretell it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import spearmanr

from ilora.evaluation.trainings import half_width_over_trainings
from ilora.negative_transfer.schemas import SUMMARY

#: What is measured, for a reader of the table.
QUANTITIES = {
    "hit_ratio@1": "share of the test sequences whose target is the most likely of all items",
    "gain": "hit_ratio@1 less that of uniform LoRA with the same seed",
    "similarity": "mean cosine between the gradients of two groups, early in the training of a uniform LoRA",
    "noise_ceiling": "cosine to expect between two samples of one group",
    "rank_correlation": "Spearman correlation over degrees between the gain and the similarity of one seed",
}

UNIFORM = "uniform"

_TASK = ["group_in_prompt", "degree", "seed"]


def summarise(outcomes: pa.Table, similarities: pa.Table, confidence: float) -> pa.Table:
    """Return means over seeds with intervals, a table of schema SUMMARY.

    A seed stands for its own sequences, contested items, representations and initial weights; the pretrained backbone
    is the same for all. Intervals tell how far a mean over such draws is known.

    Args:
        outcomes: of schema `ilora.negative_transfer.schemas.OUTCOMES`, all degrees and seeds.
        similarities: of schema `ilora.negative_transfer.schemas.SIMILARITIES`, the same ones.
        confidence: of the intervals.
    """
    measured = outcomes.to_pandas()
    uniform = measured.loc[measured["method"] == UNIFORM, [*_TASK, "step", "hit_ratio@1"]]
    measured = measured.merge(uniform, on=[*_TASK, "step"], suffixes=("", "_uniform"))
    measured["gain"] = measured["hit_ratio@1"] - measured["hit_ratio@1_uniform"]
    gradients = similarities.to_pandas()
    rows = [
        *_means(measured, ["hit_ratio@1", "gain"], ["group_in_prompt", "degree", "method", "step"], confidence),
        *_means(gradients, ["similarity", "noise_ceiling"], ["group_in_prompt", "degree"], confidence),
        *_correlations(measured.merge(gradients, on=_TASK), confidence),
    ]
    return pa.Table.from_pylist(rows, schema=SUMMARY)


def _means(frame: pd.DataFrame, quantities: Sequence[str], keys: list[str], confidence: float) -> list[dict[str, Any]]:
    """What the keys do not tell is about a uniform LoRA, at no step of its own."""
    unnamed = {"method": UNIFORM, "step": None}
    return [
        {
            "quantity": quantity,
            **unnamed,
            **dict(zip(keys, key, strict=True)),
            **interval_over_seeds(rows[quantity], 0.0 if quantity == "hit_ratio@1" else -1.0, 1.0, confidence),
        }
        for quantity in quantities
        for key, rows in frame.groupby(keys, sort=False)
    ]


def _correlations(frame: pd.DataFrame, confidence: float) -> list[dict[str, Any]]:
    """The correlation of each seed by itself, and their mean: seeds are the independent units."""
    keys = ["group_in_prompt", "method", "step"]
    rows = []
    for key, of_method in frame[frame["method"] != UNIFORM].groupby(keys, sort=False):
        of_seeds = [_rank_correlation(of_seed) for _, of_seed in of_method.groupby("seed")]
        values = {"quantity": "rank_correlation", "degree": None, **dict(zip(keys, key, strict=True))}
        rows.append(values | interval_over_seeds(pd.Series(of_seeds), -1.0, 1.0, confidence))
    return rows


def _rank_correlation(frame: pd.DataFrame) -> float:
    """Spearman's correlation, NaN where either has one value only."""
    if frame["gain"].nunique() < 2 or frame["similarity"].nunique() < 2:
        return float("nan")
    return float(spearmanr(frame["similarity"], frame["gain"]).statistic)


def interval_over_seeds(values: pd.Series, lowest: float, highest: float, confidence: float) -> dict[str, Any]:
    """Return the mean of the seeds' values with its interval (Student's t): value, low, high, seeds.

    Args:
        values: one of each seed; where one is not finite, the mean is null.
        lowest: the quantity cannot be less, nor does the interval say so.
        highest: nor more.
        confidence: of the interval; null with one seed.
    """
    defined = bool(np.isfinite(values).all())
    found: dict[str, Any] = {"value": values.mean() if defined else None, "low": None, "high": None}
    if defined and len(values) > 1:
        half = half_width_over_trainings(values.to_numpy(), confidence)
        found |= {"low": max(values.mean() - half, lowest), "high": min(values.mean() + half, highest)}
    return found | {"seeds": len(values)}
