"""Metrics of a study: mean and standard deviation over seeds."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate
from ilora.evaluation.metrics import ratios
from ilora.evaluation.schemas import SUMMARY
from ilora.evaluation.variation import covered
from ilora.layout import DataKey, Run
from ilora.predictions.choices import Titles

_GROUP = ["dataset", "protocol", "backbone", "method", "variant"]


def summarise(
    metrics: pa.Table,
    predictions: Mapping[Run, pa.Table],
    titles: Mapping[DataKey, Titles],
    settings: IntervalSettings,
) -> pa.Table:
    """Return the mean, standard deviation over seeds and interval of every metric.

    With one seed, the interval is that of the run and covers users. With several, it is computed from the predictions
    of all runs and covers users and trainings.

    Args:
        metrics: a table of the METRICS schema; groups keep the order of their first rows.
        predictions: the predictions that the metrics were computed from, by run.
        titles: the title of each item by item id, by data set and protocol.
        settings: how intervals are computed.

    Returns:
        A table of the SUMMARY schema.

    Raises:
        KeyError: `predictions` lacks a run of `metrics`, or `titles` its data set.
        ValueError: the seeds of a method were evaluated on different users.
    """
    frame = metrics.to_pandas()
    rows = []
    for group, runs in frame.groupby(_GROUP, sort=False):
        labels = dict(zip(_GROUP, group, strict=True))
        trained = [Run(**labels, seed=int(seed)) for seed in runs["seed"].unique()]
        tables = [predictions[run] for run in trained]
        measured = [ratios(table, titles[labels["dataset"], labels["protocol"]]) for table in tables]
        for (split, metric), values in runs.groupby(["split", "metric"], sort=False):
            seeds = _over_seeds(values, [run[split, metric] for run in measured], settings)
            constants = {
                "draws": _draws(tables[0]),
                "confidence": settings.confidence,
                "covers": covered(trained),
            }
            rows.append({**labels, "split": split, "metric": metric, **seeds, **constants})
    return pa.Table.from_pylist(rows, schema=SUMMARY)


def _over_seeds(values: pd.DataFrame, runs: list[Ratio], settings: IntervalSettings) -> dict[str, float | int | None]:
    if len(values) == 1:
        only = values.iloc[0]
        return {"seeds": 1, "sd": None, **{name: only[name] for name in ("value", "low", "high", "n")}}
    return {"seeds": len(values), "sd": float(values["value"].std(ddof=1)), **vars(estimate(runs, settings))}


def _draws(predictions: pa.Table) -> int:
    return len(predictions["draw"].unique())
