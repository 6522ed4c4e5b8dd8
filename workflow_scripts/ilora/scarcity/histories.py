"""Metrics of methods on test histories that are cut to their last items."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.data.protocol_names import length_of
from ilora.drift.measures import Trainings, by_method, columns
from ilora.evaluation.intervals import IntervalSettings, estimate, estimate_difference
from ilora.evaluation.variation import covered
from ilora.layout import Run
from ilora.scarcity.schemas import SHORT_HISTORIES


def measure_histories(predictions: Mapping[Run, pa.Table], longest: int, settings: IntervalSettings) -> pa.Table:
    """Return the metrics of every method by the length of the history, on users who have the longest one.

    Args:
        predictions: tables of the PREDICTIONS schema, by run, of the protocols that
            `ilora.data.protocol_names.short_protocol` gives, that of whole histories among them; all of one data set.
        longest: items of a whole history.
        settings: how intervals are computed.

    Returns:
        A table of schema `SHORT_HISTORIES`, by method, metric and length.

    Raises:
        ValueError: no test user has so long a history, or the runs did not answer the same candidate sets.
    """
    dataset = next(iter(predictions)).dataset
    lengths = _lengths_of_sets(predictions)
    rows = []
    for (method, backbone), protocols in by_method(predictions).items():
        trainings = {length_of(protocol) or longest: found for protocol, found in protocols.items()}
        whole = trainings[longest]
        is_kept = _long_enough(whole, lengths, longest)
        left_out = len(np.unique(whole.users)) - len(np.unique(whole.users[is_kept]))
        for metric in whole.metrics:
            of_whole = whole.of_rows(metric, is_kept)
            for length in sorted(trainings):
                training = trainings[length]
                if not np.array_equal(training.sets, whole.sets):
                    raise ValueError(
                        f"{training.runs[0]} and {whole.runs[0]} did not answer the same candidate sets; expected one "
                        "draw for all lengths. Make their predictions again."
                    )
                values = training.of_rows(metric, is_kept)
                found = estimate(values, settings)
                difference = estimate_difference(values, of_whole, settings) if length < longest else None
                rows.append(
                    {
                        "dataset": dataset,
                        "backbone": backbone,
                        "method": method,
                        "metric": metric,
                        "length": length,
                        **columns("value", found),
                        **columns("difference", difference),
                        "users": found.n,
                        "users_left_out": left_out,
                        "seeds": len(training.runs),
                        "draws": training.draws,
                        "confidence": settings.confidence,
                        "covers": covered(training.runs),
                    }
                )
    return pa.Table.from_pylist(rows, schema=SHORT_HISTORIES)


def _lengths_of_sets(predictions: Mapping[Run, pa.Table]) -> dict[str, int]:
    """Return the length of the whole history behind each candidate set, by the set's digest."""
    table = next(table for run, table in predictions.items() if length_of(run.protocol) is None)
    lengths = pc.list_value_length(table["history"]).to_pylist()
    return dict(zip(table["candidates_hash"].to_pylist(), lengths, strict=True))


def _long_enough(whole: Trainings, lengths: Mapping[str, int], longest: int) -> NDArray[np.bool_]:
    is_kept = np.array([lengths.get(digest) == longest for digest in whole.sets.tolist()])
    if not is_kept.any():
        raise ValueError(f"No test user has a history of {longest} items. Lower data.maximum_history or use more data.")
    return is_kept
