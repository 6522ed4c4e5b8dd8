"""Summary of gradient similarity with intervals: per checkpoint and over all, per seed and over all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import rankdata

from ilora.analysis.gradient_averages import Averages, average_modules, concatenate, mean_of, modules_of, step_of
from ilora.analysis.gradient_grams import grams_of
from ilora.analysis.gradient_samples import BY_CLUSTER
from ilora.analysis.gradient_similarity import deal_blocks, noise_ceiling, regroup, resampled_blocks
from ilora.analysis.schemas import DIFFERENCE, GRADIENT_SUMMARY
from ilora.evaluation.trainings import half_width_over_trainings

Array = NDArray[np.float64]

Values = dict[tuple[str, int | None, int | None, str], tuple[Array, Array]]
"""The value and the values of the resamples, by method, seed, step and quantity."""

#: The quantities of the table, with their meaning.
QUANTITIES = {
    "similarity": "mean cosine between two clusters",
    "conflicting_pairs": "share of the pairs of clusters whose cosine (mean over modules and checkpoints) is below 0",
    "conflicting_cosines": "share of the cosines below 0, counting each pair, module and checkpoint separately",
    "noise_ceiling": "expected cosine between two samples of one cluster, from its halves, mean over clusters",
    "random_similarity": "mean cosine between two random clusters: the same sequences, randomly reassigned",
    "similarity_below_random": "random_similarity minus similarity: the part explained by the clusters",
    "relative_similarity": "similarity / noise_ceiling: similarity corrected for sampling noise",
    "distance_correlation": "Spearman correlation of a pair's cosine with the distance between its centroids",
}

#: Number of random assignments of the blocks that the null is averaged over.
DEALS = 10


@dataclass(frozen=True)
class Measured:
    """Similarities of one method at one or over several checkpoints: clusters and random clusters, with resamples."""

    clusters: Averages
    random: Averages
    clusters_resampled: Averages
    random_resampled: Averages


@dataclass(frozen=True)
class Intervals:
    """How intervals are computed: coverage, number of resamples, and random seed of the resamples."""

    confidence: float
    samples: int
    seed: int


def summary_table(
    runs: Mapping[tuple[str, int], Sequence[pa.Table]], distances: Mapping[int, Array], intervals: Intervals
) -> pa.Table:
    """Return the quantities of every run, their means over seeds, and the differences between the two methods.

    Intervals are percentiles over resamples of blocks of sequences within each cluster, shifted by the difference
    between the sample's value and the mean of the resamples: a resample is noisier than the sample and so has more
    cosines of the wrong sign. All modules, checkpoints and methods share the same resamples, so differences are paired.
    These intervals cover the sampling of sequences, given the trained models. Intervals of means over several seeds
    also cover trainings: each seed has its own clusters and sequences, so Student's t over the seeds covers both
    sources. It is never narrower than the interval over sequences alone.

    Args:
        runs: a table of schema `ilora.analysis.schemas.GRADIENT_GRAMS` for each checkpoint, by method and seed. All
            methods have the same seeds and steps.
        distances: distances between the centroids of all clusters, by seed, float64 [clusters, clusters].
        intervals: how intervals are computed.

    Returns:
        A table of schema `GRADIENT_SUMMARY`.
    """
    values: Values = {}
    for (method, seed), checkpoints in runs.items():
        measured = {step_of(table): _measure_checkpoint(table, seed, intervals) for table in checkpoints}
        groups = grams_of(checkpoints[0], BY_CLUSTER).groups
        between = distances[seed][np.ix_(groups, groups)]
        for step, one in [*measured.items(), (None, _over_checkpoints(list(measured.values())))]:
            sample = _quantities(one.clusters, one.random, between)
            resampled = _quantities(one.clusters_resampled, one.random_resampled, between)
            for name in QUANTITIES:
                values[method, seed, step, name] = sample[name], resampled[name]
    _add_differences(values)
    of_seeds = _add_means_over_seeds(values)
    rows = [
        {
            "method": method,
            "seed": seed,
            "step": step,
            "quantity": quantity,
            **_with_interval(
                value,
                resampled,
                of_seeds.get((method, step, quantity), []) if seed is None else [],
                intervals.confidence,
                _bounds(method, quantity),
            ),
            "confidence": intervals.confidence,
            "trainings": len(of_seeds[method, step, quantity]) if seed is None else 1,
        }
        for (method, seed, step, quantity), (value, resampled) in values.items()
    ]
    return pa.Table.from_pylist(rows, schema=GRADIENT_SUMMARY)


def _measure_checkpoint(table: pa.Table, seed: int, intervals: Intervals) -> Measured:
    modules = modules_of(grams_of(table, BY_CLUSTER))
    groups, blocks = modules[0][1].shape[:2]
    weights = resampled_blocks(groups, blocks, intervals.samples, [intervals.seed, seed, 0])
    weights_of_deals = resampled_blocks(groups, blocks, intervals.samples, [intervals.seed, seed, 1])
    random, random_resampled = [], []
    for number, chunk in enumerate(np.array_split(weights_of_deals, DEALS)):
        dealt = deal_blocks(groups, blocks, [intervals.seed, seed, 2, number])
        regrouped = [(share, regroup(gram, dealt)) for share, gram in modules]
        random.append(average_modules(regrouped))
        random_resampled.append(average_modules(regrouped, chunk))
    return Measured(
        average_modules(modules), mean_of(random), average_modules(modules, weights), concatenate(random_resampled)
    )


def _over_checkpoints(measured: Sequence[Measured]) -> Measured:
    return Measured(
        mean_of([one.clusters for one in measured]),
        mean_of([one.random for one in measured]),
        mean_of([one.clusters_resampled for one in measured]),
        mean_of([one.random_resampled for one in measured]),
    )


def _quantities(clusters: Averages, random: Averages, distances: Array) -> dict[str, Array]:
    """Return the values of `QUANTITIES`, each with the leading axes of the averages."""
    cosines = _pairs(clusters.cosine)
    similarity, among_random = cosines.mean(axis=-1), _pairs(random.cosine).mean(axis=-1)
    ceiling = noise_ceiling(clusters.halves.mean(axis=-1))
    return {
        "similarity": similarity,
        "conflicting_pairs": (cosines < 0).mean(axis=-1),
        "conflicting_cosines": _pairs(clusters.conflicting).mean(axis=-1),
        "noise_ceiling": ceiling,
        "random_similarity": among_random,
        "similarity_below_random": among_random - similarity,
        "relative_similarity": np.divide(similarity, ceiling, out=np.full_like(ceiling, np.nan), where=ceiling > 0),
        "distance_correlation": _rank_correlation(cosines, _pairs(distances)),
    }


def _pairs(matrix: Array) -> Array:
    """Return the entries above the diagonal, [..., pairs]."""
    first, second = np.triu_indices(matrix.shape[-1], k=1)
    return matrix[..., first, second]


def _rank_correlation(values: Array, fixed: Array) -> Array:
    """Return Spearman's correlation along the last axis; NaN where either argument is constant."""
    first, second = rankdata(values, axis=-1), rankdata(fixed)
    first = first - first.mean(axis=-1, keepdims=True)
    second = second - second.mean()
    scale = np.sqrt((first**2).sum(axis=-1) * (second**2).sum())
    return np.divide(first @ second, scale, out=np.full(scale.shape, np.nan), where=scale > 0)


def _add_means_over_seeds(values: Values) -> dict[tuple[str, int | None, str], list[Array]]:
    """Add the means over seeds. Each seed has its own recommender and clusters, so only summary values are averaged.

    Returns:
        The value of each seed, by method, step and quantity.
    """
    of_seeds: dict[tuple[str, int | None, str], list[tuple[Array, Array]]] = {}
    for (method, _, step, quantity), entry in values.items():
        of_seeds.setdefault((method, step, quantity), []).append(entry)
    for (method, step, quantity), entries in of_seeds.items():
        samples, resamples = zip(*entries, strict=True)
        values[method, None, step, quantity] = np.mean(samples, axis=0), np.mean(resamples, axis=0)
    return {key: [value for value, _ in entries] for key, entries in of_seeds.items()}


def _add_differences(values: Values) -> None:
    first, second = DIFFERENCE.split("-")
    for (method, seed, step, quantity), (value, resampled) in list(values.items()):
        other = values.get((second, seed, step, quantity))
        if method == first and other is not None:
            values[DIFFERENCE, seed, step, quantity] = value - other[0], resampled - other[1]


def _bounds(method: str, quantity: str) -> tuple[float, float]:
    """Return the range of a quantity, to which its interval is clipped."""
    shares = ("conflicting_pairs", "conflicting_cosines")
    if quantity not in (*shares, "distance_correlation"):
        return -np.inf, np.inf
    lowest = 0.0 if quantity in shares else -1.0
    return (lowest - 1.0, 1.0 - lowest) if method == DIFFERENCE else (lowest, 1.0)


def _with_interval(
    value: Array, resampled: Array, of_seeds: Sequence[Array], confidence: float, bounds: tuple[float, float]
) -> dict[str, float | None]:
    """Return the value with its percentile interval, extended by the interval over seeds if there are several.

    All are null if the quantity is undefined in any resample.
    """
    if not (np.isfinite(value) and np.isfinite(resampled).all()):
        return {"value": None, "low": None, "high": None}
    ends = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2]) - resampled.mean() + value
    if len(of_seeds) > 1:
        over_seeds = half_width_over_trainings(of_seeds, confidence)
        ends = np.array([min(ends[0], value - over_seeds), max(ends[1], value + over_seeds)])
    low, high = np.clip(ends, *bounds)
    return {"value": float(value), "low": float(low), "high": float(high)}
