"""Metrics by the number of items that were withheld from training (protocol `gap`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ilora.data.protocol_names import gap_of
from ilora.drift.measures import Trainings, by_method, columns, relative_drop, variation
from ilora.drift.schemas import GAP_DRIFT
from ilora.evaluation.intervals import IntervalSettings, estimate
from ilora.layout import Run

_Rows = NDArray[np.bool_]


def measure_gaps(predictions: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return the metrics of every method at every gap, on the users that are tested at all gaps.

    Args:
        predictions: tables of the PREDICTIONS schema, by run, for one data set and the protocols named by
            `ilora.data.protocol_names.gap_protocol`, including a gap of 0.
        settings: how intervals are computed.

    Returns:
        A table of schema `GAP_DRIFT`, by method, metric and gap.

    Raises:
        ValueError: no user is tested at every gap, or the runs did not answer the same candidate sets.
    """
    dataset = next(iter(predictions)).dataset
    rows = []
    for (method, backbone), protocols in by_method(predictions).items():
        trainings = {gap_of(protocol): protocols[protocol] for protocol in sorted(protocols, key=gap_of)}
        after, first = _rows_of_targets(trainings)
        reference = trainings[0]
        for metric in reference.metrics:
            without = reference.of_rows(metric, after[0])
            for gap, training in trainings.items():
                value, within = (training.of_rows(metric, marked[gap]) for marked in (after, first))
                found = estimate(value, settings)
                rows.append(
                    {
                        "dataset": dataset,
                        "backbone": backbone,
                        "method": method,
                        "metric": metric,
                        "gap": gap,
                        **columns("value", found),
                        **columns("without_gap", estimate(within, settings)),
                        **columns("drop", relative_drop(value, without, settings) if gap else None),
                        **columns("drop_within", relative_drop(value, within, settings) if gap else None),
                        "users": found.n,
                        "seeds": len(training.runs),
                        "draws": training.draws,
                        "confidence": settings.confidence,
                        "covers": variation([training, reference]),
                    }
                )
    return pa.Table.from_pylist(rows, schema=GAP_DRIFT)


def _rows_of_targets(trainings: Mapping[int, Trainings]) -> tuple[dict[int, _Rows], dict[int, _Rows]]:
    """Return the masks of the rows of users' last items and of their first withheld items, by gap.

    The last items are those that are also tested without a gap. Only users with both kinds of rows at every gap count.
    """
    is_last = {gap: np.isin(training.sets, trainings[0].sets) for gap, training in trainings.items()}
    is_first = {gap: ~is_last[gap] if gap else is_last[gap] for gap in trainings}
    tested = [training.users[marks[gap]] for marks in (is_last, is_first) for gap, training in trainings.items()]
    users = reduce(np.intersect1d, tested)
    if not len(users):
        raise ValueError(
            f"No user is tested at every gap of {', '.join(map(str, trainings))}, with the same candidate sets. Use "
            "smaller gaps, or recompute the predictions."
        )
    kept = {gap: np.isin(training.users, users) for gap, training in trainings.items()}
    last, first = ({gap: marks[gap] & kept[gap] for gap in trainings} for marks in (is_last, is_first))
    return last, first
