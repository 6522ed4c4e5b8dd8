"""Metrics of a full ranking, and their means over seeds with intervals.

They are computed from a table of ranks. A tied target receives the mean gain over the ranks that the ties occupy, which
equals the expectation under random tie-breaking: two items with one id share a hit.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate
from ilora.evaluation.ranking import mean_gain
from ilora.evaluation.schemas import RANKING_SUMMARY
from ilora.evaluation.variation import covered
from ilora.layout import Run

#: The splits that metrics are reported for.
SPLITS = ("test", "val")

#: The metric that methods are compared by.
COMPARED = "ndcg@10"

_Gain = Callable[[NDArray[np.integer]], NDArray[np.float64]]


@dataclass(frozen=True)
class RankingMetric:
    """A metric of a full ranking.

    Attributes:
        name: name in the files.
        label: display name.
        gain: gain at each rank, from 1.
        ranks: whether ranks are of items or of the ids by which a method names items. By id, a target is found wherever
            an item with its id is, an optimistic count that some released code uses. Only methods that name items by
            ids have it.
        note: note below a table, shown if any row has the metric.
    """

    name: str
    label: str
    gain: _Gain
    ranks: Literal["items", "ids"] = "items"
    note: str = ""


def _recall(cutoff: int) -> _Gain:
    return lambda places: (places <= cutoff).astype(np.float64)


def _ndcg(cutoff: int) -> _Gain:
    return lambda places: np.where(places <= cutoff, 1.0 / np.log2(places + 1.0), 0.0)


def _reciprocal(places: NDArray[np.integer]) -> NDArray[np.float64]:
    return 1.0 / places


_BY_ID = (
    "by id counts the target as found at the rank of its id, even if other items share that id. It is at least as high "
    "as the metric by item."
)

#: Every metric, in the order of Table 2's columns. With one target, Recall@k is the hit ratio at k.
RANKING_METRICS = (
    *(RankingMetric(f"recall@{cutoff}", f"Recall@{cutoff}", _recall(cutoff)) for cutoff in (5, 10, 20)),
    *(RankingMetric(f"ndcg@{cutoff}", f"NDCG@{cutoff}", _ndcg(cutoff)) for cutoff in (5, 10, 20)),
    RankingMetric("mrr", "MRR", _reciprocal),
    RankingMetric("recall@10_by_id", "Recall@10 by id", _recall(10), "ids", f"Recall@10 {_BY_ID}"),
    RankingMetric("ndcg@10_by_id", "NDCG@10 by id", _ndcg(10), "ids", f"NDCG@10 {_BY_ID}"),
)

_BY_NAME = {metric.name: metric for metric in RANKING_METRICS}


def ranking_ratio(ranks: pa.Table, metric: str, split: str) -> Ratio:
    """Return a metric of one run on one split, with one value per sequence.

    Args:
        ranks: table of the RANKS schema, with the ranks of ids if the metric needs them.
        metric: name of one of `RANKING_METRICS`.
        split: one of `SPLITS`.
    """
    declared = _BY_NAME[metric]
    rows = ranks.filter(pc.equal(ranks["split"], split))
    columns = ("id_rank", "id_tied") if declared.ranks == "ids" else ("rank", "tied")
    rank, tied = (rows[name].to_numpy() for name in columns)
    better = np.rint(rank - (tied + 1) / 2).astype(np.int64)
    gain = declared.gain(np.arange(1, int((better + tied).max(initial=0)) + 1))
    return Ratio(rows["user_id"].to_numpy(), mean_gain(better, tied, gain), np.ones(rows.num_rows))


def summarise_rankings(ranks: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return the mean, standard deviation over seeds and interval of every metric of every method.

    With one seed, the interval covers users; with several, users and trainings.

    Args:
        ranks: tables of the RANKS schema, by run.
        settings: how intervals are computed.

    Returns:
        A table of the RANKING_SUMMARY schema, with methods in the order of their first runs.

    Raises:
        ValueError: the seeds of a method were evaluated on different users.
    """
    rows: list[dict[str, Any]] = []
    for method, runs in seeds_of_methods(ranks).items():
        tables = [ranks[run] for run in runs]
        labels = {name: getattr(method, name) for name in ("dataset", "protocol", "backbone", "method", "variant")}
        for metric in RANKING_METRICS:
            if metric.ranks == "ids" and any(table["id_rank"].null_count for table in tables):
                continue
            for split in SPLITS:
                ratios = [ranking_ratio(table, metric.name, split) for table in tables]
                spread = {"seeds": len(runs), "sd": _spread(ratios), "covers": covered(runs)}
                constants = {"confidence": settings.confidence, "ranked_items": _mean_ranked(tables, split)}
                found = {"split": split, "metric": metric.name, **vars(estimate(ratios, settings))}
                rows.append({**labels, **found, **spread, **constants})
    return pa.Table.from_pylist(rows, schema=RANKING_SUMMARY)


def seeds_of_methods(ranks: Mapping[Run, pa.Table]) -> dict[Run, list[Run]]:
    """Return the runs of each method in the order of their seeds, keyed by the run without its seed."""
    order = {method: place for place, method in enumerate(dict.fromkeys(run.without_seed for run in ranks))}
    ordered = sorted(ranks, key=lambda run: (order[run.without_seed], run.seed))
    return {method: list(runs) for method, runs in groupby(ordered, key=lambda run: run.without_seed)}


def _spread(ratios: list[Ratio]) -> float | None:
    return float(np.std([ratio.value for ratio in ratios], ddof=1)) if len(ratios) > 1 else None


def _mean_ranked(tables: list[pa.Table], split: str) -> float:
    numbers = [table.filter(pc.equal(table["split"], split))["ranked_items"].to_numpy() for table in tables]
    return float(np.mean(numbers))


def ranking_label(metric: str) -> str:
    """Return the display name of a metric."""
    return _BY_NAME[metric].label


def ranking_notes(metrics: Iterable[str]) -> list[str]:
    """Return the notes that belong below a table with these metrics."""
    return [_BY_NAME[metric].note for metric in metrics if _BY_NAME[metric].note]
