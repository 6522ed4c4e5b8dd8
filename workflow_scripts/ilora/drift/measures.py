"""Row-wise metrics of the test rows of runs, so that the rows of several trainings can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.evaluation.improvement import estimate_improvement
from ilora.evaluation.intervals import Estimate, IntervalSettings, Ratio
from ilora.evaluation.metrics import METRICS, Answers
from ilora.evaluation.variation import Variation, covered
from ilora.layout import Run

#: The metrics: that of Table 1, and one of the whole ranking for methods with scores.
METRIC_NAMES = ("hit_ratio@1", "ndcg@10")

_METRICS = [metric for metric in METRICS if metric.name in METRIC_NAMES]


@dataclass(frozen=True)
class Trainings:
    """The test rows of one method on one protocol, with one run per seed, all on the same candidate sets.

    Attributes:
        runs: runs in the order of their seeds.
        sets: digest of each row's candidate set, which also identifies the sequence and the draw, text [rows].
        metrics: metrics of each run, by name.
        draws: number of candidate sets per sequence.
    """

    runs: tuple[Run, ...]
    sets: NDArray[np.str_]
    metrics: Mapping[str, tuple[Ratio, ...]]
    draws: int

    @property
    def users(self) -> NDArray[np.integer]:
        """The user of each row, [rows]."""
        return next(iter(self.metrics.values()))[0].users

    def of_rows(self, metric: str, rows: NDArray[np.bool_]) -> list[Ratio]:
        """Return a metric over the selected rows of every run; `rows` is bool [rows]."""
        return [ratio.of_rows(rows) for ratio in self.metrics[metric]]


def by_method(predictions: Mapping[Run, pa.Table]) -> dict[tuple[str, str], dict[str, Trainings]]:
    """Return the trainings of each method and backbone, by protocol, with methods in the order of the input.

    Args:
        predictions: tables of the PREDICTIONS schema, by run.

    Raises:
        ValueError: runs of one method and protocol did not answer the same candidate sets.
    """
    groups: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for run in predictions:
        groups.setdefault((run.method, run.backbone), {}).setdefault(run.protocol, []).append(run)
    return {
        method: {
            protocol: _trainings(sorted(runs, key=lambda run: run.seed), predictions)
            for protocol, runs in protocols.items()
        }
        for method, protocols in groups.items()
    }


def _trainings(runs: Sequence[Run], predictions: Mapping[Run, pa.Table]) -> Trainings:
    tables = [_test_rows(predictions[run]) for run in runs]
    sets = tables[0]["candidates_hash"].to_pylist()
    for run, table in zip(runs, tables, strict=True):
        if table["candidates_hash"].to_pylist() != sets:
            raise ValueError(
                f"{run} and {runs[0]} did not answer the same candidate sets; expected one draw for all methods. "
                "Recompute their predictions."
            )
    answers = [Answers(table, {}) for table in tables]
    metrics = {
        metric.name: tuple(metric.measure(each) for each in answers)
        for metric in _METRICS
        if all(each.can_be_read_as(metric.reads) for each in answers)
    }
    return Trainings(tuple(runs), np.array(sets), metrics, len(tables[0]["draw"].unique()))


def _test_rows(predictions: pa.Table) -> pa.Table:
    rows = predictions.filter(pc.equal(predictions["split"], "test"))
    return rows.sort_by([("sequence_id", "ascending"), ("draw", "ascending")])


def relative_drop(values: Sequence[Ratio], reference: Sequence[Ratio], settings: IntervalSettings) -> Estimate:
    """Return the drop from the mean of `reference` to that of `values`, in percent of the former, with an interval.

    The users of both sides are resampled together in the bootstrap, so the two groups of users need not overlap.
    """
    users = np.unique(np.concatenate([ratio.users for ratio in (*values, *reference)]))
    ours, theirs = ([_among(ratio, users) for ratio in side] for side in (values, reference))
    gain = estimate_improvement(ours, theirs, settings)
    return Estimate(-gain.value, -gain.high, -gain.low, gain.n)


def _among(ratio: Ratio, users: NDArray[np.integer]) -> Ratio:
    """Return the ratio with an added row that does not count for each user without rows."""
    others = np.setdiff1d(users, ratio.users)
    nothing = np.zeros(len(others))
    return Ratio(
        np.concatenate([ratio.users, others]),
        np.concatenate([ratio.numerator, nothing]),
        np.concatenate([ratio.denominator, nothing]),
    )


def columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """Return the three columns of an estimate; null where it is None or undefined."""
    numbers = (None,) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
    ends = zip(("", "_low", "_high"), numbers, strict=True)
    return {f"{name}{end}": None if number is None or np.isnan(number) else float(number) for end, number in ends}


def variation(sides: Iterable[Trainings]) -> Variation:
    """Return the variation covered by intervals of these trainings, or of differences between them."""
    return covered(*(side.runs for side in sides))
