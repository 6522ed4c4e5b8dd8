"""Metrics of methods by the number of training interactions with the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ilora.drift.measures import by_method, columns
from ilora.evaluation.intervals import IntervalSettings, estimate
from ilora.evaluation.variation import covered
from ilora.layout import Run
from ilora.scarcity.schemas import RARE_ITEMS


def measure_items(
    predictions: Mapping[Run, pa.Table],
    frequencies: NDArray[np.float64],
    floors: Sequence[int],
    settings: IntervalSettings,
) -> pa.Table:
    """Return the metrics of every method by the number of training interactions with the target.

    Args:
        predictions: tables of the PREDICTIONS schema, by run; all of one data set and protocol.
        frequencies: interactions with each item in the training split, float64 [items].
        floors: smallest number of interactions of each group, in ascending order from 0.
        settings: how intervals are computed.

    Returns:
        A table of schema `RARE_ITEMS`, by method, metric and group.

    Raises:
        ValueError: the runs did not answer the same candidate sets.
    """
    first, table = next(iter(predictions.items()))
    target_of = dict(zip(table["candidates_hash"].to_pylist(), table["target"].to_pylist(), strict=True))
    rows = []
    for (method, backbone), protocols in by_method(predictions).items():
        ((_, training),) = protocols.items()
        unknown = set(training.sets.tolist()) - target_of.keys()
        if unknown:
            raise ValueError(
                f"{training.runs[0]} answered {len(unknown)} candidate sets that {first} did not, expected one draw "
                "for all methods. Make their predictions again."
            )
        counts = frequencies[[target_of[digest] for digest in training.sets.tolist()]]
        groups = np.searchsorted(floors, counts, side="right") - 1
        for metric in training.metrics:
            for number, floor in enumerate(floors):
                found = estimate(training.of_rows(metric, groups == number), settings)
                rows.append(
                    {
                        "dataset": first.dataset,
                        "backbone": backbone,
                        "method": method,
                        "metric": metric,
                        "floor": floor,
                        "group": _group_name(floors, number),
                        **columns("value", found),
                        "users": found.n,
                        "seeds": len(training.runs),
                        "draws": training.draws,
                        "confidence": settings.confidence,
                        "covers": covered(training.runs),
                    }
                )
    return pa.Table.from_pylist(rows, schema=RARE_ITEMS)


def _group_name(floors: Sequence[int], number: int) -> str:
    floor = floors[number]
    if number + 1 == len(floors):
        return f"{floor} or more"
    ceiling = floors[number + 1] - 1
    return str(floor) if floor == ceiling else f"{floor} to {ceiling}"
