from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.evaluation.answer_categories import AnswerCategory
from ilora.evaluation.error_analysis import POPULARITY_FLOORS, ItemFacts, analyse_errors, item_facts
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import hit_ratio, split_rows
from ilora.evaluation.schemas import ERROR_ANALYSIS
from ilora.layout import Run
from ilora.predictions.schema import PREDICTIONS

PredictionsMaker = Callable[..., pa.Table]

SETTINGS = IntervalSettings(samples=200)
RUNS = [Run("movielens", "random_users", "llara", "embedded", seed=seed) for seed in (1, 2)]


@pytest.fixture
def items(titles: list[str]) -> ItemFacts:
    """Return item facts with i training interactions of item i."""
    return ItemFacts(titles, np.arange(len(titles), dtype=np.float64))


def _groups(analysis: pa.Table, breakdown: str, split: str = "test") -> pd.DataFrame:
    frame = analysis.to_pandas()
    return frame[(frame["breakdown"] == breakdown) & (frame["split"] == split)].set_index("group")


def test_shares_of_the_categories_add_up_to_one(make_predictions: PredictionsMaker, items: ItemFacts) -> None:
    predictions = make_predictions("llara", users=40, scored=False, invalid=0.3)
    analysis = analyse_errors(RUNS[:1], [predictions], items, SETTINGS)
    assert analysis.schema.equals(ERROR_ANALYSIS)
    categories = _groups(analysis, "answer_category")
    assert list(categories.index) == [str(category) for category in AnswerCategory]
    assert categories["value"].sum() == pytest.approx(1.0)
    test = predictions.filter(pa.array(split_rows(predictions, "test")))
    assert categories.loc["nothing recognisable", "value"] == test["choice"].null_count / test.num_rows
    assert categories.loc["valid and right", "value"] == hit_ratio(test).value
    assert set(categories["rows"]) == {40}
    assert set(categories["n"]) == {20}


def test_a_method_without_text_has_no_categories(make_predictions: PredictionsMaker, items: ItemFacts) -> None:
    analysis = analyse_errors(RUNS[:1], [make_predictions()], items, SETTINGS)
    assert set(analysis["breakdown"].to_pylist()) == {
        "target_place",
        "history_length",
        "target_popularity",
        "popularity_bias",
    }


def test_accuracy_by_place_and_popularity_covers_every_answer(
    make_predictions: PredictionsMaker, items: ItemFacts
) -> None:
    predictions = make_predictions("llara", users=60, draws=4)
    analysis = analyse_errors(RUNS[:1], [predictions], items, SETTINGS)
    for breakdown in ("target_place", "history_length", "target_popularity"):
        groups = _groups(analysis, breakdown)
        assert groups["rows"].sum() == 120
        overall = (groups["value"] * groups["rows"]).sum() / 120
        assert overall == pytest.approx(hit_ratio(predictions).of_rows(split_rows(predictions, "test")).value)
        assert groups["value"].between(groups["low"], groups["high"]).all()
    assert list(_groups(analysis, "target_place").index) == ["1", "2", "3", "4", "5"]
    assert list(_groups(analysis, "history_length").index) == ["3"]


def test_a_method_that_always_takes_the_first_place_is_seen(
    make_predictions: PredictionsMaker, items: ItemFacts
) -> None:
    predictions = make_predictions("llara", users=60, accuracy=0.0)
    places = _groups(analyse_errors(RUNS[:1], [predictions], items, SETTINGS), "target_place")["value"]
    assert places["1"] == 1.0
    assert (places[["2", "3", "4", "5"]] == 0.0).all()


def _answers(*rows: tuple[int, int | None]) -> pa.Table:
    """Return test answers (target, choice) among the items 0, 1, 5 and 400, after one validation answer."""
    return pa.Table.from_pylist(
        [
            {
                "sequence_id": row,
                "split": "test" if row else "val",
                "user_id": row,
                "draw": 0,
                "method": "llara",
                "candidates_hash": str(row),
                "history": [7] * 3,
                "target": target,
                "candidates": [5, 0, 400, 1],
                "scores": None,
                "text": "nothing of use" if choice is None else f"Item {choice}",
                "choice": choice,
            }
            for row, (target, choice) in enumerate([(1, 1), *rows])
        ],
        schema=PREDICTIONS,
    )


def test_cold_items_are_a_group_of_their_own(items: ItemFacts) -> None:
    predictions = _answers((0, 400), (0, 0), (1, 1), (5, None), (400, 400))
    groups = _groups(analyse_errors(RUNS[:1], [predictions], items, SETTINGS), "target_popularity")
    assert groups["value"].to_dict() == {"0": 0.5, "1 to 3": 1.0, "4 to 10": 0.0, "317 or more": 1.0}
    assert groups["rows"].to_dict() == {"0": 2, "1 to 3": 1, "4 to 10": 1, "317 or more": 1}
    assert groups["order"].tolist() == [0, 1, 2, len(POPULARITY_FLOORS) - 1]


def test_popularity_bias_is_the_place_of_the_choice_by_popularity(items: ItemFacts) -> None:
    predictions = _answers((0, 400), (0, 0), (5, None), (400, 400))
    groups = _groups(analyse_errors(RUNS[:1], [predictions], items, SETTINGS), "popularity_bias")
    # By popularity, the candidates 0, 1, 5, 400 have the ranks 0, 1/3, 2/3, 1.
    assert groups["value"].to_dict() == pytest.approx(
        {"target": (0 + 0 + 2 / 3 + 1) / 4, "choice": (1 + 0 + 1) / 3, "wrong choice": 1.0}
    )
    assert groups["rows"].to_dict() == {"target": 4, "choice": 3, "wrong choice": 1}


def test_several_seeds_give_their_mean(make_predictions: PredictionsMaker, items: ItemFacts) -> None:
    tables = [make_predictions("llara", users=40, scored=False, seed=run.seed) for run in RUNS]
    both = _groups(analyse_errors(RUNS, tables, items, SETTINGS), "answer_category")
    each = [
        _groups(analyse_errors([run], [table], items, SETTINGS), "answer_category")
        for run, table in zip(RUNS, tables, strict=True)
    ]
    np.testing.assert_allclose(both["value"], (each[0]["value"] + each[1]["value"]) / 2)
    assert set(both["seeds"]) == {2}
    assert both["seed"].isna().all()
    assert set(each[0]["seed"]) == {1}


def test_popularity_is_counted_in_the_training_split_alone() -> None:
    catalogue = pa.Table.from_pylist(
        [{"item_id": item, "title": f"Item {item}", "raw_id": "1", "metadata": "{}"} for item in range(5)],
        schema=ITEMS,
    )
    rows = [("train", 0, [0, 1], 2), ("train", 0, [0, 1, 2], 3), ("val", 1, [3, 3], 4), ("test", 2, [4], 4)]
    sequences = pa.Table.from_pylist(
        [
            {"sequence_id": row, "split": split, "user_id": user, "history": history, "target": target}
            for row, (split, user, history, target) in enumerate(rows)
        ],
        schema=SEQUENCES,
    )
    facts = item_facts(catalogue, sequences)
    assert facts.popularity.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert facts.titles[4] == "Item 4"
