"""Metrics of one run, from its table of predictions.

A hit is a choice whose item is the target's item: another item of the same title is a miss. HitRatio@1 counts
the hits among all rows; HitRatio@1 over valid counts them among the rows with a valid choice only (the
paper's released code does so, arXiv 2408.10159), which flatters a method that often answers nothing.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import METRICS
from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate
from ilora.evaluation.predictions import PredictionsError, candidate_matrix, check_predictions, score_matrix
from ilora.evaluation.ranking import ndcg, reciprocal_rank
from ilora.evaluation.runs import Run

#: The splits that metrics are given for, and the prediction rows that each of them takes.
SPLITS = {"val": ("val",), "test": ("test",), "val_test": ("val", "test")}
NDCG_CUTOFFS = (5, 10)


def measure_run(predictions: pa.Table, run: Run, settings: IntervalSettings, source: str) -> pa.Table:
    """Return the metrics of one run, with intervals, for every split.

    Args:
        predictions: a table of the PREDICTIONS schema, with rows of val and test.
        run: whose predictions these are.
        settings: how intervals are computed.
        source: where the predictions come from, for error messages.

    Returns:
        A table of the METRICS schema. `n` is the number of users with a row that counts. A metric that is not
        defined (HitRatio@1 over valid when nothing is valid) is NaN with n = 0.

    Raises:
        PredictionsError: the predictions contradict themselves, or are those of another method.
    """
    check_predictions(predictions, source)
    _check_method(predictions, run, source)
    labels = {
        "dataset": run.dataset,
        "protocol": run.protocol,
        "backbone": run.backbone,
        "method": run.method,
        "variant": run.variant,
        "seed": run.seed,
    }
    rows = []
    for split in SPLITS:
        for metric, ratio in ratios(select_split(predictions, split)).items():
            result = estimate([ratio], settings)
            interval = {"value": result.value, "low": result.low, "high": result.high, "n": result.n}
            rows.append({**labels, "split": split, "metric": metric, **interval})
    return pa.Table.from_pylist(rows, schema=METRICS)


def select_split(predictions: pa.Table, split: str) -> pa.Table:
    """Return the rows of a split: "val", "test", or "val_test" for both together."""
    return predictions.filter(pc.is_in(predictions["split"], pa.array(SPLITS[split])))


def ratios(predictions: pa.Table) -> dict[str, Ratio]:
    """Return every metric that the predictions allow, by name; ranking metrics only where there are scores.

    Args:
        predictions: rows of the PREDICTIONS schema that have passed `check_predictions`.
    """
    return dict(_ratios(predictions))


def _ratios(predictions: pa.Table) -> Iterator[tuple[str, Ratio]]:
    users = predictions["user_id"].to_numpy()
    target = predictions["target"].to_numpy()
    valid = predictions["choice"].is_valid().to_numpy().astype(np.float64)
    hit = (predictions["choice"].fill_null(-1).to_numpy() == target).astype(np.float64)
    every_row = np.ones(len(users))
    yield "hit_ratio@1", Ratio(users, hit, every_row)
    yield "hit_ratio@1_over_valid", Ratio(users, hit, valid)
    yield "valid_ratio", Ratio(users, valid, every_row)
    scores = score_matrix(predictions)
    if scores is None:
        return
    is_target = candidate_matrix(predictions) == target[:, None]
    yield "mrr", Ratio(users, reciprocal_rank(scores, is_target), every_row)
    for cutoff in NDCG_CUTOFFS:
        yield f"ndcg@{cutoff}", Ratio(users, ndcg(scores, is_target, cutoff), every_row)


def _check_method(predictions: pa.Table, run: Run, source: str) -> None:
    methods = pc.unique(predictions["method"]).to_pylist()
    if methods != [run.method]:
        raise PredictionsError(f"{source}: holds predictions of {methods}, expected only of {run.method!r}.")
