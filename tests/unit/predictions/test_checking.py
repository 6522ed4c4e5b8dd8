from collections.abc import Callable

import pyarrow as pa
import pytest

from ilora.predictions.checking import PredictionsError, check_predictions
from ilora.predictions.schema import PREDICTIONS
from ilora.predictions.scores import candidate_matrix, score_matrix

PredictionsMaker = Callable[..., pa.Table]


def _changed(table: pa.Table, row: int, **values: object) -> pa.Table:
    rows = table.to_pylist()
    rows[row] |= values
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def test_sound_predictions_pass(make_predictions: PredictionsMaker) -> None:
    check_predictions(make_predictions(), "here")
    check_predictions(make_predictions(scored=False, invalid=0.3), "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draw": 1}, "a repeated sequence and draw"),
        ({"target": 999}, "a target that is not among"),
        ({"choice": 999}, "a choice that is not among"),
        ({"candidates": [0, 0, 1, 2, 3]}, "a repeated item among the candidates"),
        ({"candidates": [0, 1, 2, 3]}, r"candidate sets of \[4, 5\]"),
        ({"scores": None}, "neither text nor scores in 1 of 24 rows: sequence 1000, draw 0"),
        ({"text": "a title"}, "no text, though others have them, in 23 of 24 rows"),
        ({"scores": [1.0, 2.0]}, "more or fewer scores than the 5 candidates"),
        ({"scores": [1.0, 2.0, 3.0, 4.0, float("nan")]}, "a score that is not finite"),
        ({"scores": [1.0, 2.0, 3.0, 4.0, float("inf")]}, "a score that is not finite"),
        ({"scores": [0.0, 0.0, 0.0, 0.0, 1.0]}, "sasrec has a choice without the highest score"),
        ({"choice": None}, "a choice without the highest score"),
        ({"split": "train"}, r"\['test', 'train', 'val'\]"),
    ],
)
def test_a_contradiction_is_refused_where_it_stands(
    make_predictions: PredictionsMaker, change: dict[str, object], message: str
) -> None:
    with pytest.raises(PredictionsError, match=message) as error:
        check_predictions(_changed(make_predictions(), 0, **change), "runs/predictions.parquet")
    assert "runs/predictions.parquet" in str(error.value)


def test_scores_in_some_rows_only_are_refused(make_predictions: PredictionsMaker) -> None:
    table = _changed(make_predictions(scored=False), 0, scores=[1.0, 2.0, 3.0, 4.0, 5.0])
    with pytest.raises(PredictionsError, match="no scores, though others have them, in 23 of 24 rows"):
        check_predictions(table, "here")


def test_one_of_the_best_is_a_sound_choice(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    for place in range(5):
        choice = table["candidates"][0].as_py()[place]
        check_predictions(_changed(table, 0, scores=[2.0] * 5, choice=choice), "here")


def test_no_predictions_are_refused() -> None:
    with pytest.raises(PredictionsError, match="here: holds no predictions"):
        check_predictions(PREDICTIONS.empty_table(), "here")


def test_the_first_rows_are_named_and_the_rest_counted(make_predictions: PredictionsMaker) -> None:
    rows = [row | {"choice": 999} for row in make_predictions("llara", scored=False).to_pylist()]
    with pytest.raises(PredictionsError) as error:
        check_predictions(pa.Table.from_pylist(rows, schema=PREDICTIONS), "here")
    assert "llara has a choice that is not among the candidates in 24 of 24 rows" in str(error.value)
    assert "sequence 1002, draw 0; and 19 more." in str(error.value)


def test_rows_of_one_split_only_are_refused(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    with pytest.raises(PredictionsError, match="both val and test"):
        check_predictions(table.slice(12), "here")


def test_matrices_have_a_row_per_prediction(make_predictions: PredictionsMaker) -> None:
    table = pa.concat_tables([make_predictions().slice(0, 7), make_predictions().slice(7)])
    scores = score_matrix(table)
    assert scores is not None
    assert candidate_matrix(table).tolist() == table["candidates"].to_pylist()
    assert scores.tolist() == table["scores"].to_pylist()
    assert score_matrix(make_predictions(scored=False)) is None
