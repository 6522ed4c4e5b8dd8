from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import METRICS
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import Run
from ilora.predictions.checking import PredictionsError
from ilora.predictions.schema import PREDICTIONS

PredictionsMaker = Callable[..., pa.Table]

SETTINGS = IntervalSettings(samples=200)
RUN = Run("movielens", "random_users", "sasrec", seed=1)
LLARA = Run("movielens", "random_users", "llara", "embedded", seed=7)
DEFAULT_RATIOS = ("hit_ratio@1", "hit_ratio@1_over_valid", "valid_ratio")
FOUR_TITLES = ["Heat", "Portal", "Portal 2", "Ran"]


def _by_name(metrics: pa.Table) -> dict[tuple[str, str], dict]:
    return {(row["split"], row["metric"]): row for row in metrics.to_pylist()}


def _rows(*rows: tuple[str, int, int | None]) -> pa.Table:
    """Return text predictions from (split, user, choice); the candidates are items 0 to 3 and 2 is the target."""
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
    metrics = measure_run(predictions, LLARA, FOUR_TITLES, SETTINGS, "here")
    values = {name: row["value"] for name, row in _by_name(metrics).items() if name[1] in DEFAULT_RATIOS}
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
    # Item 3 may have the same title as item 2: titles are not compared.
    metrics = measure_run(_rows(("val", 0, 3), ("test", 1, 3)), LLARA, FOUR_TITLES, SETTINGS, "here")
    assert _by_name(metrics)["test", "hit_ratio@1"]["value"] == 0.0
    assert _by_name(metrics)["test", "valid_ratio"]["value"] == 1.0


def test_each_rule_of_validity_has_ratios_of_its_own() -> None:
    rows = _rows(("val", 0, 2), ("test", 0, 2), ("test", 1, None), ("test", 2, None)).to_pylist()
    for row, text in zip(rows, ("Portal 2", "Portal 2", "I choose Heat", "Portal 2!"), strict=True):
        row["text"] = text
    metrics = measure_run(pa.Table.from_pylist(rows, schema=PREDICTIONS), LLARA, FOUR_TITLES, SETTINGS, "here")
    test = {metric: row["value"] for (split, metric), row in _by_name(metrics).items() if split == "test"}
    assert test == pytest.approx(
        {
            "hit_ratio@1": 1 / 3,
            "hit_ratio@1_over_valid": 1 / 1,
            "valid_ratio": 1 / 3,
            # "Portal 2" contains another candidate's title, so it is invalid.
            "hit_ratio@1_substring": 0 / 3,
            "hit_ratio@1_over_valid_substring": 0 / 1,
            "valid_ratio_substring": 1 / 3,
            "hit_ratio@1_longest_match": 2 / 3,
            "hit_ratio@1_over_valid_longest_match": 2 / 3,
            "valid_ratio_longest_match": 3 / 3,
        }
    )


def test_ranking_metrics_are_given_where_there_are_scores(
    make_predictions: PredictionsMaker, titles: list[str]
) -> None:
    metrics = measure_run(make_predictions(), RUN, titles, SETTINGS, "here")
    assert metrics.schema.equals(METRICS)
    names = {name for _, name in _by_name(metrics)}
    assert names == {*DEFAULT_RATIOS, "mrr", "ndcg@5", "ndcg@10", "tie_ratio"}
    assert metrics.num_rows == 3 * len(names)


def test_metrics_record_which_candidate_sets_were_answered(
    make_predictions: PredictionsMaker, titles: list[str]
) -> None:
    def hashes(predictions: pa.Table) -> dict[str, str]:
        rows = measure_run(predictions, RUN, titles, SETTINGS, "here").to_pylist()
        return {row["split"]: row["candidates_hash"] for row in rows}

    predictions = make_predictions()
    first = hashes(predictions)
    assert len(set(first.values())) == 3
    assert hashes(predictions.take(list(range(predictions.num_rows))[::-1])) == first
    rows = predictions.to_pylist()
    (row,) = [index for index, row in enumerate(rows) if row["split"] == "test"][:1]
    rows[row]["candidates_hash"] = "another"
    changed = hashes(pa.Table.from_pylist(rows, schema=PREDICTIONS))
    assert changed["val"] == first["val"] and changed["test"] != first["test"]


def test_shared_highest_scores_are_counted(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    rows = make_predictions(users=4, draws=1).to_pylist()
    rows[-1] |= {"scores": [1.0, 3.0, 3.0, 0.0, 0.0], "choice": rows[-1]["candidates"][1]}
    metrics = measure_run(pa.Table.from_pylist(rows, schema=PREDICTIONS), RUN, titles, SETTINGS, "here")
    assert _by_name(metrics)["test", "tie_ratio"]["value"] == 1 / 2
    assert _by_name(metrics)["val", "tie_ratio"]["value"] == 0.0


@pytest.mark.parametrize("scored", [True, False])
def test_every_interval_holds_its_value(make_predictions: PredictionsMaker, titles: list[str], scored: bool) -> None:
    predictions = make_predictions(users=60, draws=5, invalid=0.0 if scored else 0.1, scored=scored)
    metrics = measure_run(predictions, RUN, titles, SETTINGS, "here")
    for row in metrics.to_pylist():
        assert 0.0 <= row["low"] <= row["value"] <= row["high"] <= 1.0
        assert row["n"] == {"val": 30, "test": 30, "val_test": 60}[row["split"]]


def test_what_is_not_defined_is_nan_with_no_users(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    metrics = _by_name(measure_run(make_predictions(invalid=1.0, scored=False), RUN, titles, SETTINGS, "here"))
    over_valid = metrics["test", "hit_ratio@1_over_valid"]
    assert np.isnan(over_valid["value"])
    assert over_valid["n"] == 0
    assert metrics["test", "hit_ratio@1"]["value"] == 0.0


def test_the_same_predictions_give_the_same_metrics(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    first, second = (measure_run(make_predictions(), RUN, titles, SETTINGS, "here") for _ in range(2))
    assert first.equals(second)


def test_predictions_of_another_method_are_refused(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    with pytest.raises(PredictionsError, match=r"\['caser'\], expected only 'sasrec'"):
        measure_run(make_predictions("caser"), RUN, titles, SETTINGS, "here")
