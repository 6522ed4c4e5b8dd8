"""Means over seeds: each method's result, its gain over uniform LoRA, and whether gradients predict the gain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import spearmanr

from ilora.evaluation.trainings import half_width_over_trainings
from ilora.negative_transfer.schemas import SUMMARY

#: Descriptions of the quantities, for readers of the table.
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
    """Return means over seeds with confidence intervals, as a table of the schema SUMMARY.

    Each seed has its own sequences, contested items, representations and initial weights; the pretrained backbone is
    the same for all. Intervals describe the uncertainty of a mean over such draws.

    Args:
        outcomes: table of the schema `ilora.negative_transfer.schemas.OUTCOMES`, for all degrees and seeds.
        similarities: table of the schema `ilora.negative_transfer.schemas.SIMILARITIES`, for the same ones.
        confidence: confidence level of the intervals.
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
    """Return a row for each quantity and key; the defaults for missing keys are uniform LoRA and no step."""
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
    """Return the mean of the correlations within each seed: seeds are the independent units."""
    keys = ["group_in_prompt", "method", "step"]
    rows = []
    for key, of_method in frame[frame["method"] != UNIFORM].groupby(keys, sort=False):
        of_seeds = [_rank_correlation(of_seed) for _, of_seed in of_method.groupby("seed")]
        values = {"quantity": "rank_correlation", "degree": None, **dict(zip(keys, key, strict=True))}
        rows.append(values | interval_over_seeds(pd.Series(of_seeds), -1.0, 1.0, confidence))
    return rows


def _rank_correlation(frame: pd.DataFrame) -> float:
    """Return Spearman's correlation; NaN if either variable is constant."""
    if frame["gain"].nunique() < 2 or frame["similarity"].nunique() < 2:
        return float("nan")
    return float(spearmanr(frame["similarity"], frame["gain"]).statistic)


def interval_over_seeds(values: pd.Series, lowest: float, highest: float, confidence: float) -> dict[str, Any]:
    """Return the mean of the seeds' values with its confidence interval (Student's t): value, low, high, seeds.

    Args:
        values: one value per seed; if one is not finite, the mean is null.
        lowest: lower bound of the quantity, to which the interval is clipped.
        highest: upper bound of the quantity, to which the interval is clipped.
        confidence: confidence level of the interval, which is null with a single seed.
    """
    defined = bool(np.isfinite(values).all())
    found: dict[str, Any] = {"value": values.mean() if defined else None, "low": None, "high": None}
    if defined and len(values) > 1:
        half = half_width_over_trainings(values.to_numpy(), confidence)
        found |= {"low": max(values.mean() - half, lowest), "high": min(values.mean() + half, highest)}
    return found | {"seeds": len(values)}
