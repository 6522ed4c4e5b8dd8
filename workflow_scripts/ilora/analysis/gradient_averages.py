"""Cosines between the gradients of clusters, averaged over modules and checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ilora.analysis.gradient_grams import Grams, grams_of, kind_of
from ilora.analysis.gradient_samples import BY_CLUSTER
from ilora.analysis.gradient_similarity import measure, measure_resampled, noise_ceiling
from ilora.analysis.schemas import ALL_KINDS, GRADIENT_SIMILARITY

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Averages:
    """Means over modules (and checkpoints); for resamples, each attribute has a leading axis of resamples.

    Attributes:
        cosine: between clusters, [..., clusters, clusters].
        halves: cosine between two halves of each cluster, [..., clusters].
        conflicting: share of the cosines below 0, [..., clusters, clusters].
    """

    cosine: Array
    halves: Array
    conflicting: Array


def modules_of(grams: Grams, kind: str = ALL_KINDS) -> list[tuple[float, Array]]:
    """Return the modules of a kind, or all, with weights that sum to 1; all kinds have the same total weight."""
    kinds = [kind_of(module) for module in grams.modules]
    matrices = grams.modules.values()
    chosen = [(name, gram) for name, gram in zip(kinds, matrices, strict=True) if kind in (name, ALL_KINDS)]
    different = len({name for name, _ in chosen})
    return [(1 / (different * kinds.count(name)), gram) for name, gram in chosen]


def average_modules(modules: Sequence[tuple[float, Array]], weights: Array | None = None) -> Averages:
    """Return the mean over modules for the sample or, given block weights, for its resamples.

    Args:
        modules: shares and Gram matrices, from `modules_of`.
        weights: block weights, from `ilora.analysis.gradient_similarity.resampled_blocks`.
    """
    cosine: Array = np.zeros(1)
    halves: Array = np.zeros(1)
    conflicting: Array = np.zeros(1)
    for share, gram in modules:
        found = measure(gram) if weights is None else measure_resampled(gram, weights)
        cosine = cosine + share * found.cosine
        halves = halves + share * found.halves
        conflicting = conflicting + share * (found.cosine < 0)
    return Averages(cosine, halves, conflicting)


def mean_of(averages: Sequence[Averages]) -> Averages:
    """Return the mean of averages, such as those of several checkpoints."""
    return Averages(
        np.mean([average.cosine for average in averages], axis=0),
        np.mean([average.halves for average in averages], axis=0),
        np.mean([average.conflicting for average in averages], axis=0),
    )


def concatenate(averages: Sequence[Averages]) -> Averages:
    """Concatenate averages along the axis of resamples."""
    return Averages(
        np.concatenate([average.cosine for average in averages]),
        np.concatenate([average.halves for average in averages]),
        np.concatenate([average.conflicting for average in averages]),
    )


def step_of(table: pa.Table) -> int:
    """Return the only step of a table of schema `ilora.analysis.schemas.GRADIENT_GRAMS`.

    Raises:
        ValueError: the table does not have exactly one step.
    """
    steps = table["step"].unique().to_pylist()
    if len(steps) != 1:
        raise ValueError(f"found gradients of the steps {steps}, expected exactly one step")
    return steps[0]


def similarity_table(method: str, seed: int, checkpoints: Sequence[pa.Table]) -> pa.Table:
    """Return the cosines between the clusters of one run as a table of schema `GRADIENT_SIMILARITY`.

    Args:
        method: method of the run.
        seed: seed of the run.
        checkpoints: a table of schema `ilora.analysis.schemas.GRADIENT_GRAMS` for each checkpoint.
    """
    grams = {step_of(table): grams_of(table, BY_CLUSTER) for table in checkpoints}
    groups = next(iter(grams.values())).groups
    averages: dict[tuple[int | None, str], Averages] = {
        (step, kind): average_modules(modules_of(grams_of_step, kind))
        for step, grams_of_step in grams.items()
        for kind in [ALL_KINDS, *dict.fromkeys(map(kind_of, grams_of_step.modules))]
    }
    kinds = list(dict.fromkeys(kind for _, kind in averages))
    averages |= {(None, kind): mean_of([averages[step, kind] for step in grams]) for kind in kinds}
    rows = []
    for (step, kind), average in averages.items():
        for (row, column), cosine in np.ndenumerate(average.cosine):
            rows.append(
                {
                    "method": method,
                    "seed": seed,
                    "step": step,
                    "kind": kind,
                    "first": groups[row],
                    "second": groups[column],
                    "similarity": cosine,
                    "noise_ceiling": noise_ceiling(average.halves[row]) if row == column else None,
                }
            )
    return pa.Table.from_pylist(rows, schema=GRADIENT_SIMILARITY)
