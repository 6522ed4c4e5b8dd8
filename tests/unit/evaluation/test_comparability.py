from collections.abc import Callable

import pyarrow as pa
import pytest

from ilora.evaluation.comparability import IncomparableError, check_same_candidates

PredictionsMaker = Callable[..., pa.Table]

FIRST = "results/baselines/movielens/published/popularity/predictions.parquet"
SECOND = "results/recommenders/movielens/published/sasrec/seed~1/predictions.parquet"
ELSEWHERE = "results/baselines/lastfm/published/popularity/predictions.parquet"


def test_the_same_candidates_pass_in_any_order(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    check_same_candidates({FIRST: table, SECOND: table.sort_by([("user_id", "descending")])})


def test_other_candidates_are_refused_with_both_files_named(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    hashes = table["candidates_hash"].to_pylist()
    hashes[3] = "another"
    place = table.schema.get_field_index("candidates_hash")
    other = table.set_column(place, table.schema.field(place), pa.array(hashes))
    with pytest.raises(
        IncomparableError, match="1 of 24 candidate sets differ, such as sequence 1001, draw 1"
    ) as error:
        check_same_candidates({FIRST: table, SECOND: other})
    assert FIRST in str(error.value)
    assert SECOND in str(error.value)


def test_missing_rows_are_refused(make_predictions: PredictionsMaker) -> None:
    table = make_predictions()
    with pytest.raises(IncomparableError, match="2 sequences and draws are in one of them only"):
        check_same_candidates({FIRST: table, SECOND: table.slice(2)})


def test_data_sets_are_not_compared_with_each_other(make_predictions: PredictionsMaker) -> None:
    check_same_candidates({FIRST: make_predictions(), ELSEWHERE: make_predictions(users=4)})
