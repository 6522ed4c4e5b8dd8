"""Gradient similarity in numbers with intervals: per checkpoint, over all of them, per seed, and over all seeds."""

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
"""By method, seed, step and quantity: the value, and those of the resamples."""

#: What is measured, for a reader of the table.
QUANTITIES = {
    "similarity": "mean cosine between two clusters",
    "conflicting_pairs": "share of the pairs of clusters whose cosine (mean over modules and checkpoints) is below 0",
    "conflicting_cosines": "share of the cosines below 0, each pair, module and checkpoint counted by itself",
    "noise_ceiling": "cosine to expect between two samples of one cluster, from its halves, mean over clusters",
    "random_similarity": "mean cosine between two random clusters of equal size: the same sequences, dealt anew",
    "similarity_below_random": "random_similarity less similarity: what the clusters explain",
    "relative_similarity": "similarity / noise_ceiling: what is left of it without the noise of sampling",
    "distance_correlation": "Spearman correlation of a pair's cosine with the distance between its centroids",
}

#: Random deals of the blocks that the null is averaged over.
DEALS = 10


@dataclass(frozen=True)
class Measured:
    """One method at one or over several checkpoints: clusters and random clusters, as they are and in resamples."""

    clusters: Averages
    random: Averages
    clusters_resampled: Averages
    random_resampled: Averages


@dataclass(frozen=True)
class Intervals:
    """How intervals are computed: their coverage, the number of resamples, and the seed of those."""

    confidence: float
    samples: int
    seed: int


def summary_table(
    runs: Mapping[tuple[str, int], Sequence[pa.Table]], distances: Mapping[int, Array], intervals: Intervals
) -> pa.Table:
    """Return the numbers of every run, their means over seeds, and the differences between two methods.

    Intervals are percentiles over resamples of blocks of sequences, drawn within every cluster, and moved by the
    difference between the sample's value and the resamples' mean: a resample is noisier than the sample, and so has
    more cosines on the wrong side of 0. The same resamples serve all modules and checkpoints, and both methods, whose
    difference is thus paired. They tell how far the numbers depend on the sequences that were drawn, with the trained
    models as they are. The intervals of means over several seeds are over trainings too: seeds have clusters and
    sequences of their own, so that sequences are part of what their numbers differ by, and Student's t over the seeds
    covers both. It is never taken to be narrower than what the sequences alone give.

    Args:
        runs: by method and seed, a table of schema `ilora.analysis.schemas.GRADIENT_GRAMS` for each checkpoint.
            Every method has the same seeds and steps.
        distances: by seed, between the centroids of all clusters, float64 [clusters, clusters].
        intervals: how they are computed.

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
    """The numbers of `QUANTITIES`, each with the leading axes of the averages."""
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
    """The entries above the diagonal, [..., pairs]."""
    first, second = np.triu_indices(matrix.shape[-1], k=1)
    return matrix[..., first, second]


def _rank_correlation(values: Array, fixed: Array) -> Array:
    """Spearman's correlation along the last axis; NaN where either has one value only."""
    first, second = rankdata(values, axis=-1), rankdata(fixed)
    first = first - first.mean(axis=-1, keepdims=True)
    second = second - second.mean()
    scale = np.sqrt((first**2).sum(axis=-1) * (second**2).sum())
    return np.divide(first @ second, scale, out=np.full(scale.shape, np.nan), where=scale > 0)


def _add_means_over_seeds(values: Values) -> dict[tuple[str, int | None, str], list[Array]]:
    """Seeds have recommenders, and so clusters, of their own; what can be averaged over them is the numbers.

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
    """What an interval cannot exceed."""
    shares = ("conflicting_pairs", "conflicting_cosines")
    if quantity not in (*shares, "distance_correlation"):
        return -np.inf, np.inf
    lowest = 0.0 if quantity in shares else -1.0
    return (lowest - 1.0, 1.0 - lowest) if method == DIFFERENCE else (lowest, 1.0)


def _with_interval(
    value: Array, resampled: Array, of_seeds: Sequence[Array], confidence: float, bounds: tuple[float, float]
) -> dict[str, float | None]:
    """The value with percentiles around it, or further ends over seeds where there are several.

    All are null where the quantity is not defined in some resample.
    """
    if not (np.isfinite(value) and np.isfinite(resampled).all()):
        return {"value": None, "low": None, "high": None}
    ends = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2]) - resampled.mean() + value
    if len(of_seeds) > 1:
        over_seeds = half_width_over_trainings(of_seeds, confidence)
        ends = np.array([min(ends[0], value - over_seeds), max(ends[1], value + over_seeds)])
    low, high = np.clip(ends, *bounds)
    return {"value": float(value), "low": float(low), "high": float(high)}
