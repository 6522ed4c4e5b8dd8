from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import METRICS, PREDICTIONS
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.evaluation.predictions import PredictionsError
from ilora.evaluation.runs import Run

PredictionsMaker = Callable[..., pa.Table]

SETTINGS = IntervalSettings(samples=200)
RUN = Run("movielens", "published", "sasrec", seed=1)


def _by_name(metrics: pa.Table) -> dict[tuple[str, str], dict]:
    return {(row["split"], row["metric"]): row for row in metrics.to_pylist()}


def _rows(*rows: tuple[str, int, int | None]) -> pa.Table:
    """Predictions of text only, from (split, user, choice); items 0 to 3 compete and 2 is the target."""
    return pa.Table.from_pylist(
        [
            {
                "sequence_id": user,
                "split": split,
                "user_id": user,
                "draw": position,
                "method": "llara",
                "candidates_hash": "hash",
                "history": [8, 9],
                "target": 2,
                "candidates": [0, 1, 2, 3],
                "scores": None,
                "text": "some text",
                "choice": choice,
            }
            for position, (split, user, choice) in enumerate(rows)
        ],
        schema=PREDICTIONS,
    )


def test_ratios_by_hand() -> None:
    predictions = _rows(
        ("val", 0, 2), ("val", 0, None), ("test", 1, 2), ("test", 1, 0), ("test", 2, None), ("test", 2, 2)
    )
    run = Run("movielens", "published", "llara", "embedded", seed=7)
    metrics = measure_run(predictions, run, SETTINGS, "here")
    values = {name: row["value"] for name, row in _by_name(metrics).items()}
    assert values == pytest.approx(
        {
            ("val", "hit_ratio@1"): 1 / 2,
            ("val", "hit_ratio@1_over_valid"): 1.0,
            ("val", "valid_ratio"): 1 / 2,
            ("test", "hit_ratio@1"): 2 / 4,
            ("test", "hit_ratio@1_over_valid"): 2 / 3,
            ("test", "valid_ratio"): 3 / 4,
            ("val_test", "hit_ratio@1"): 3 / 6,
            ("val_test", "hit_ratio@1_over_valid"): 3 / 4,
            ("val_test", "valid_ratio"): 4 / 6,
        }
    )
    assert _by_name(metrics)["test", "hit_ratio@1"]["n"] == 2
    labels = {(row["method"], row["backbone"], row["variant"], row["seed"]) for row in metrics.to_pylist()}
    assert labels == {("llara", "embedded", "default", 7)}


def test_a_hit_is_decided_by_the_item_and_not_by_its_title() -> None:
    # Item 3 may well have item 2's title: no title is looked at.
    run = Run("movielens", "published", "llara", "embedded", seed=7)
    metrics = measure_run(_rows(("val", 0, 3), ("test", 1, 3)), run, SETTINGS, "here")
    assert _by_name(metrics)["test", "hit_ratio@1"]["value"] == 0.0
    assert _by_name(metrics)["test", "valid_ratio"]["value"] == 1.0


def test_ranking_metrics_are_given_where_there_are_scores(make_predictions: PredictionsMaker) -> None:
    metrics = measure_run(make_predictions(), RUN, SETTINGS, "here")
    assert metrics.schema.equals(METRICS)
    assert metrics.num_rows == 3 * 6
    names = {name for _, name in _by_name(metrics)}
    assert names == {"hit_ratio@1", "hit_ratio@1_over_valid", "valid_ratio", "mrr", "ndcg@5", "ndcg@10"}


def test_every_interval_holds_its_value(make_predictions: PredictionsMaker) -> None:
    metrics = measure_run(make_predictions(users=40, draws=5, invalid=0.1), RUN, SETTINGS, "here")
    for row in metrics.to_pylist():
        assert 0.0 <= row["low"] <= row["value"] <= row["high"] <= 1.0
        assert row["n"] == {"val": 20, "test": 20, "val_test": 40}[row["split"]]


def test_what_is_not_defined_is_nan_with_no_users(make_predictions: PredictionsMaker) -> None:
    metrics = _by_name(measure_run(make_predictions(invalid=1.0), RUN, SETTINGS, "here"))
    over_valid = metrics["test", "hit_ratio@1_over_valid"]
    assert np.isnan(over_valid["value"])
    assert over_valid["n"] == 0
    assert metrics["test", "hit_ratio@1"]["value"] == 0.0


def test_the_same_predictions_give_the_same_metrics(make_predictions: PredictionsMaker) -> None:
    first, second = (measure_run(make_predictions(), RUN, SETTINGS, "here") for _ in range(2))
    assert first.equals(second)


def test_predictions_of_another_method_are_refused(make_predictions: PredictionsMaker) -> None:
    with pytest.raises(PredictionsError, match=r"\['caser'\], expected only of 'sasrec'"):
        measure_run(make_predictions("caser"), RUN, SETTINGS, "here")
