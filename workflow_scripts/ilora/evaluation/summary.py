"""Metrics of a study over its seeds, and the differences between its methods."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate, estimate_difference
from ilora.evaluation.metrics import SPLITS, ratios, select_split
from ilora.evaluation.runs import Run

_GROUP = ["dataset", "protocol", "backbone", "method", "variant"]

#: One row per method, split and metric: the mean over seeds.
SUMMARY = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in _GROUP),
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),  # runs that the mean is over; 1 if nothing is random
        pa.field("value", pa.float64(), nullable=False),
        pa.field("sd", pa.float64()),  # standard deviation over seeds (n - 1); null with one run
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),  # users with a row that counts
        pa.field("draws", pa.int32(), nullable=False),  # candidate draws per sequence
        pa.field("confidence", pa.float64(), nullable=False),  # coverage of the interval
    ]
)

#: One row per pair of methods, split and metric: the first one's mean over seeds minus the second's.
DIFFERENCES = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("backbone", pa.string(), nullable=False),
        pa.field("first", pa.string(), nullable=False),
        pa.field("second", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
    ]
)


def summarise(metrics: pa.Table, predictions: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return the mean over seeds of every metric, its spread over seeds and its interval over users.

    With one seed the interval is the run's own. With several it is the cluster bootstrap of the mean over
    seeds, from the predictions of all of them: it covers the choice of users, not the choice of seeds.

    Args:
        metrics: a table of the METRICS schema; groups are given in the order of their first rows.
        predictions: the predictions that the metrics were computed from, by run.
        settings: how intervals are computed.

    Returns:
        A table of the SUMMARY schema.

    Raises:
        KeyError: `predictions` lacks a run of `metrics`.
        ValueError: the seeds of a method were evaluated on different users.
    """
    frame = metrics.to_pandas()
    rows = []
    for group, runs in frame.groupby(_GROUP, sort=False):
        labels = dict(zip(_GROUP, group, strict=True))
        tables = [predictions[Run(**labels, seed=int(seed))] for seed in runs["seed"].unique()]
        measured = _measure(tables)
        for (split, metric), values in runs.groupby(["split", "metric"], sort=False):
            seeds = _over_seeds(values, measured[split, metric], settings)
            constants = {"draws": _draws(tables[0]), "confidence": settings.confidence}
            rows.append({**labels, "split": split, "metric": metric, **seeds, **constants})
    return pa.Table.from_pylist(rows, schema=SUMMARY)


def compare_methods(
    predictions: Mapping[Run, pa.Table], first: str, second: str, metric: str, settings: IntervalSettings
) -> pa.Table:
    """Return `first` minus `second` in one metric, paired by user, wherever both were run.

    Args:
        predictions: tables of the PREDICTIONS schema, by run; only runs of the variant "default" are
            compared.
        first: id of a method.
        second: id of a method on the same backbone.
        metric: a metric that the predictions of both allow.
        settings: how intervals are computed.

    Returns:
        A table of the DIFFERENCES schema, a row for each split; empty when the methods never meet.

    Raises:
        KeyError: the predictions do not allow the metric.
        ValueError: the two were evaluated on different users.
    """
    tables: dict[tuple[str, str, str], dict[str, list[pa.Table]]] = {}
    for run, table in predictions.items():
        if run.variant == "default" and run.method in (first, second):
            sides = tables.setdefault((run.dataset, run.protocol, run.backbone), {first: [], second: []})
            sides[run.method].append(table)
    rows = []
    for (dataset, protocol, backbone), sides in tables.items():
        if not all(sides.values()):
            continue
        of_first, of_second = _measure(sides[first]), _measure(sides[second])
        for split in SPLITS:
            result = estimate_difference(of_first[split, metric], of_second[split, metric], settings)
            labels = {
                "dataset": dataset,
                "protocol": protocol,
                "backbone": backbone,
                "first": first,
                "second": second,
            }
            seeds = min(len(sides[first]), len(sides[second]))
            constants = {"seeds": seeds, "confidence": settings.confidence}
            rows.append({**labels, "split": split, "metric": metric, **vars(result), **constants})
    return pa.Table.from_pylist(rows, schema=DIFFERENCES)


def _measure(tables: list[pa.Table]) -> dict[tuple[str, str], list[Ratio]]:
    """Return the ratios of each table, by split and metric."""
    measured: dict[tuple[str, str], list[Ratio]] = {}
    for table in tables:
        for split in SPLITS:
            for metric, ratio in ratios(select_split(table, split)).items():
                measured.setdefault((split, metric), []).append(ratio)
    return measured


def _over_seeds(values: pd.DataFrame, runs: list[Ratio], settings: IntervalSettings) -> dict[str, float | int | None]:
    if len(values) == 1:
        only = values.iloc[0]
        return {"seeds": 1, "sd": None, **{name: only[name] for name in ("value", "low", "high", "n")}}
    return {"seeds": len(values), "sd": float(values["value"].std(ddof=1)), **vars(estimate(runs, settings))}


def _draws(predictions: pa.Table) -> int:
    return len(predictions["draw"].unique())
