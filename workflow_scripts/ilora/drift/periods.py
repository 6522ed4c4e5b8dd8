"""Metrics by period of a global clock, with one training or a new one before each period (protocol `rolling`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ilora.data.protocol_names import period_of
from ilora.drift.measures import Trainings, by_method, columns, relative_drop, variation
from ilora.drift.schemas import PERIOD_DRIFT
from ilora.evaluation.intervals import IntervalSettings, estimate, estimate_difference
from ilora.layout import Run


def measure_periods(predictions: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return the metrics of every method in every period, by the period before which it was trained.

    Args:
        predictions: tables of the PREDICTIONS schema, by run, for one data set and the protocols named by
            `ilora.data.protocol_names.rolling_protocol`, for every period.
        settings: how intervals are computed.

    Returns:
        A table of schema `PERIOD_DRIFT`, by method, metric, period and training.

    Raises:
        ValueError: the runs did not answer the same candidate sets.
    """
    dataset = next(iter(predictions)).dataset
    rows = []
    for (method, backbone), protocols in by_method(predictions).items():
        trainings = {period_of(protocol)[0]: found for protocol, found in protocols.items()}
        periods = _periods_of_rows(trainings)
        once = trainings[1]
        for metric in once.metrics:
            first = once.of_rows(metric, periods[1] == 1)
            for period in sorted(trainings):
                same = once.of_rows(metric, periods[1] == period)
                for before in range(1, period + 1):
                    training = trainings[before]
                    value = training.of_rows(metric, periods[before] == period)
                    found = estimate(value, settings)
                    rows.append(
                        {
                            "dataset": dataset,
                            "backbone": backbone,
                            "method": method,
                            "metric": metric,
                            "period": period,
                            "trained_before": before,
                            **columns("value", found),
                            **columns("drop", relative_drop(value, first, settings) if period > 1 else None),
                            **columns("gain", estimate_difference(value, same, settings) if before > 1 else None),
                            "users": found.n,
                            "seeds": len(training.runs),
                            "draws": training.draws,
                            "confidence": settings.confidence,
                            "covers": variation([training, once]),
                        }
                    )
    return pa.Table.from_pylist(rows, schema=PERIOD_DRIFT)


def _periods_of_rows(trainings: Mapping[int, Trainings]) -> dict[int, NDArray[np.int64]]:
    """Return the period of every row, by the period before which the method was trained.

    A method trained before a period is tested in that period and all later ones. A row thus belongs to the last period
    whose training is tested on it.

    Raises:
        ValueError: a training is tested on a candidate set that the first training is not tested on.
    """
    period_of_set: dict[str, int] = {}
    for period in sorted(trainings):
        sets = trainings[period].sets.tolist()
        if period > 1 and not set(sets) <= period_of_set.keys():
            raise ValueError(
                f"The method trained before period {period} is tested on other candidate sets than the one trained "
                "before period 1; expected the same draw. Recompute the predictions."
            )
        period_of_set |= dict.fromkeys(sets, period)
    return {
        before: np.array([period_of_set[digest] for digest in training.sets.tolist()])
        for before, training in trainings.items()
    }
