from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ilora.artifacts.schemas import CANDIDATES
from ilora.predictions.comparability import IncomparableError, check_same_candidates
from ilora.predictions.schema import PREDICTIONS

PredictionsMaker = Callable[..., pa.Table]

FIRST = "results/baselines/movielens/random_users/popularity/predictions.parquet"
SECOND = "results/recommenders/movielens/random_users/sasrec/seed~1/predictions.parquet"
ELSEWHERE = "results/baselines/lastfm/random_users/popularity/predictions.parquet"
DATA = ("movielens", "random_users")


def _frozen(predictions: pa.Table) -> pa.Table:
    columns = predictions.select(["sequence_id", "draw", "candidates", "candidates_hash"])
    return columns.rename_columns(CANDIDATES.names).cast(CANDIDATES)


def _changed(table: pa.Table, row: int, **values: object) -> pa.Table:
    rows = table.to_pylist()
    rows[row] |= values
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def test_the_frozen_candidates_pass_in_any_order(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    shuffled = table.sort_by([("user_id", "descending")])
    check_same_candidates({FIRST: table, SECOND: shuffled}, {DATA: _frozen(table)})


def test_another_hash_is_refused_with_method_and_rows_named(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    other = _changed(table, 3, candidates_hash="another")
    message = "sasrec has another hash or other items in 1 of the frozen candidate sets: sequence 1001, draw 1. "
    with pytest.raises(IncomparableError, match=message) as error:
        check_same_candidates({FIRST: table, SECOND: other}, {DATA: _frozen(table)})
    assert SECOND in str(error.value)
    assert FIRST not in str(error.value)


def test_other_items_under_the_same_hash_are_refused(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    reordered = _changed(table, 0, candidates=table["candidates"][0].as_py()[::-1])
    with pytest.raises(IncomparableError, match="other items in 1 of the frozen candidate sets: sequence 1000, draw 0"):
        check_same_candidates({SECOND: reordered}, {DATA: _frozen(table)})


def test_a_method_that_lacks_a_user_is_named(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    with pytest.raises(
        IncomparableError, match="sasrec has no answer to 2 .*: sequence 1000, draw 0; sequence 1000, draw 1"
    ):
        check_same_candidates({FIRST: table, SECOND: table.slice(2)}, {DATA: _frozen(table)})


def test_a_user_whom_every_method_lacks_is_noticed(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    with pytest.raises(IncomparableError, match="no answer to 2"):
        check_same_candidates({FIRST: table.slice(2), SECOND: table.slice(2)}, {DATA: _frozen(table)})


def test_more_candidate_sets_than_the_frozen_ones_are_refused(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    with pytest.raises(IncomparableError, match="popularity has answers to 2 candidate sets that are not frozen"):
        check_same_candidates({FIRST: table}, {DATA: _frozen(table.slice(2))})


def test_a_duplicated_row_is_refused(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    twice = pa.concat_tables([table, table.slice(5, 1)])
    with pytest.raises(IncomparableError, match="a second answer to 1 of the candidate sets: sequence 1002, draw 1"):
        check_same_candidates({FIRST: twice}, {DATA: _frozen(table)})


def test_each_data_set_has_candidates_of_its_own(make_predictions: PredictionsMaker) -> None:
    table, elsewhere = make_predictions(), make_predictions(users=4)
    candidates = {DATA: _frozen(table), ("lastfm", "random_users"): _frozen(elsewhere)}
    check_same_candidates({FIRST: table, ELSEWHERE: elsewhere}, candidates)


ASKED = "results/llm/movielens/random_users/gpt-4o/gpt4/default/predictions.parquet"


def test_a_method_may_be_asked_about_the_first_draws_only(make_predictions: PredictionsMaker) -> None:
    table = make_predictions(draws=3)
    first = table.filter(pc.less(table["draw"], 1))
    check_same_candidates({FIRST: table, ASKED: first}, {DATA: _frozen(table)}, {"gpt4": 1})
    with pytest.raises(IncomparableError, match="gpt4 has no answer to 24 of the frozen"):
        check_same_candidates({ASKED: first}, {DATA: _frozen(table)})
    with pytest.raises(IncomparableError, match="gpt4 has no answer to 1 of the frozen candidate sets: sequence 1000"):
        check_same_candidates({ASKED: first.slice(1)}, {DATA: _frozen(table)}, {"gpt4": 1})
    with pytest.raises(IncomparableError, match="gpt4 has answers to 24 candidate sets that are not frozen"):
        check_same_candidates({ASKED: table}, {DATA: _frozen(table)}, {"gpt4": 1})
    with pytest.raises(IncomparableError, match="popularity has no answer"):
        check_same_candidates({FIRST: first}, {DATA: _frozen(table)}, {"gpt4": 1})
