from collections.abc import Callable

import pyarrow as pa

from ilora.evaluation.answer_sample import ANSWER_SAMPLE, sample_answers
from ilora.layout import Run

PredictionsMaker = Callable[..., pa.Table]

LLARA = Run("movielens", "random_users", "llara", "embedded", seed=1)
ILORA = Run("movielens", "random_users", "ilora", "embedded", seed=2)


def test_what_was_asked_and_answered_stands_in_words(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    predictions = make_predictions("llara", users=30, scored=False, invalid=0.3)
    sample = sample_answers(predictions, LLARA, titles, 10, 0)
    assert sample.schema.equals(ANSWER_SAMPLE)
    assert sample.num_rows == 10
    of_row = {(row["sequence_id"], row["draw"]): row for row in predictions.to_pylist()}
    for shown in sample.to_pylist():
        row = of_row[shown["sequence_id"], shown["draw"]]
        assert row["split"] == "test"
        assert shown["text"] == row["text"]
        assert shown["target"] == f"Item {row['target']}"
        assert shown["candidates"] == [f"Item {item}" for item in row["candidates"]]
        assert shown["history"] == ["Item 1", "Item 2", "Item 3"]
        assert shown["choice"] == (None if row["choice"] is None else f"Item {row['choice']}")
        assert (shown["category"] == "valid and right") == (row["choice"] == row["target"])


def test_every_method_shows_the_same_rows_whatever_their_order(
    make_predictions: PredictionsMaker, titles: list[str]
) -> None:
    first = sample_answers(make_predictions("llara", users=30, scored=False), LLARA, titles, 10, 0)
    other = make_predictions("ilora", users=30, scored=False, seed=3).sort_by([("draw", "descending")])
    second = sample_answers(other, ILORA, titles, 10, 0)
    for name in ("sequence_id", "draw", "target"):
        assert first[name].equals(second[name])
    third = sample_answers(make_predictions("llara", users=30, scored=False), LLARA, titles, 10, 1)
    assert not first["sequence_id"].equals(third["sequence_id"])


def test_fewer_answers_than_asked_for_are_all_shown(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    predictions = make_predictions("llara", users=4, draws=2, scored=False)
    assert sample_answers(predictions, LLARA, titles, 50, 0).num_rows == 4


def test_a_method_without_text_has_no_sample(make_predictions: PredictionsMaker, titles: list[str]) -> None:
    assert sample_answers(make_predictions(), LLARA, titles, 10, 0).equals(ANSWER_SAMPLE.empty_table())
