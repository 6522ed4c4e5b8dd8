from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from ilora.evaluation.comparisons import compare_with
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import hit_ratio, split_rows
from ilora.evaluation.schemas import DIFFERENCES
from ilora.evaluation.significance import holm
from ilora.layout import Run

PredictionsMaker = Callable[..., pa.Table]

SETTINGS = IntervalSettings(samples=200)
ILORA = [Run("movielens", "random_users", "ilora", "embedded", seed=seed) for seed in (1, 2)]
LLARA = [Run("movielens", "random_users", "llara", "embedded", seed=seed) for seed in (1, 2)]
POPULARITY = Run("movielens", "random_users", "popularity")
GPT4 = Run("movielens", "random_users", "gpt4", "gpt-4o")


def _hit_ratio(tables: list[pa.Table], split: str) -> float:
    return sum(hit_ratio(table).of_rows(split_rows(table, split)).value for table in tables) / len(tables)


def test_a_difference_is_that_of_the_means(make_predictions: PredictionsMaker) -> None:
    ours = {run: make_predictions("ilora", users=60, accuracy=0.7, seed=run.seed) for run in ILORA}
    theirs = {run: make_predictions("llara", users=60, accuracy=0.2, seed=run.seed) for run in LLARA}
    differences = compare_with("ilora", ours | theirs, SETTINGS)
    assert differences.schema.equals(DIFFERENCES)
    assert differences["split"].to_pylist() == ["val", "test", "val_test"]
    for row in differences.to_pylist():
        expected = _hit_ratio(list(ours.values()), row["split"]) - _hit_ratio(list(theirs.values()), row["split"])
        assert row["value"] == pytest.approx(expected)
        assert row["low"] < row["value"] < row["high"]
        assert row["p_users"] < 0.001 <= row["p"]  # two trainings have too little power
        assert row["first_ahead"] > row["second_ahead"]
        assert (row["seeds"], row["comparisons"], row["covers"]) == (2, 1, "users and trainings")
        assert row["minimum_detectable"] == row["minimum_detectable_holm"]


def test_what_differs_between_trainings_is_not_taken_for_a_difference(make_predictions: PredictionsMaker) -> None:
    accuracies = {1: 0.35, 2: 0.6, 3: 0.85}
    ours = {
        Run("movielens", "random_users", "ilora", "embedded", seed=seed): make_predictions(
            "ilora", users=300, accuracy=accuracy, seed=seed
        )
        for seed, accuracy in accuracies.items()
    }
    popularity = make_predictions("popularity", users=300, accuracy=0.3, seed=9)
    several = compare_with("ilora", ours | {POPULARITY: popularity}, SETTINGS).to_pylist()[1]
    assert several["p_users"] < 0.001 and several["p"] > 0.05
    assert several["low"] < 0.0 < several["value"]
    assert several["minimum_detectable"] > 0.3
    best = {run: table for run, table in ours.items() if run.seed == 3}
    once = compare_with("ilora", best | {POPULARITY: popularity}, SETTINGS).to_pylist()[1]
    assert once["p"] == once["p_users"] < 0.001
    assert once["covers"] == "users, one training"


def test_trainings_of_one_seed_are_pairs_in_whatever_order_they_come(make_predictions: PredictionsMaker) -> None:
    def sides(method: str, seeds: tuple[int, ...]) -> dict[Run, pa.Table]:
        return {
            Run("movielens", "random_users", method, "embedded", seed=seed): make_predictions(
                method, users=60, accuracy=0.2 * seed, seed=seed
            )
            for seed in seeds
        }

    straight = compare_with("ilora", sides("ilora", (1, 2, 3)) | sides("llara", (1, 2, 3)), SETTINGS)
    assert straight.equals(compare_with("ilora", sides("ilora", (3, 1, 2)) | sides("llara", (2, 1, 3)), SETTINGS))
    # For each seed, both have the same answers, regardless of the differences between seeds.
    assert (straight["low"].to_pylist(), straight["p"].to_pylist()) == ([0.0] * 3, [1.0] * 3)


def test_one_answer_per_user_is_tested_by_mcnemar(make_predictions: PredictionsMaker) -> None:
    ours = make_predictions("ilora", users=120, draws=1, accuracy=0.6)
    theirs = make_predictions("llara", users=120, draws=1, accuracy=0.4, seed=1)
    row = compare_with("ilora", {ILORA[0]: ours, LLARA[0]: theirs}, SETTINGS).to_pylist()[1]
    table = [[0, row["first_ahead"]], [row["second_ahead"], 0]]
    assert row["p"] == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_every_other_method_is_compared_and_corrected_for(make_predictions: PredictionsMaker) -> None:
    predictions = {
        POPULARITY: make_predictions("popularity", users=60, accuracy=0.3, seed=5),
        LLARA[0]: make_predictions("llara", users=60, accuracy=0.45, seed=6),
        ILORA[0]: make_predictions("ilora", users=60, accuracy=0.6, seed=7),
    }
    differences = compare_with("ilora", predictions, SETTINGS)
    test = [row for row in differences.to_pylist() if row["split"] == "test"]
    assert [(row["second"], row["second_backbone"]) for row in test] == [("popularity", ""), ("llara", "embedded")]
    assert [row["p_holm"] for row in test] == pytest.approx(holm(differences["p"].to_numpy()[2:4]).tolist())
    assert {row["comparisons"] for row in test} == {2}
    assert all(row["minimum_detectable"] < row["minimum_detectable_holm"] for row in test)


def test_unequally_many_seeds_are_compared_by_their_means(make_predictions: PredictionsMaker) -> None:
    ours = {run: make_predictions("ilora", users=60, seed=run.seed) for run in ILORA}
    popularity = make_predictions("popularity", users=60, seed=9)
    row = compare_with("ilora", ours | {POPULARITY: popularity}, SETTINGS).to_pylist()[1]
    assert row["value"] == pytest.approx(_hit_ratio(list(ours.values()), "test") - _hit_ratio([popularity], "test"))
    assert row["seeds"] == 2


def test_a_method_that_answered_fewer_draws_is_compared_on_these(make_predictions: PredictionsMaker) -> None:
    ours = {run: make_predictions("ilora", users=60, draws=4, seed=run.seed) for run in ILORA}
    theirs = make_predictions("gpt4", users=60, draws=4, seed=9)
    first = {run: table.filter(pc.less(table["draw"], 1)) for run, table in {**ours, GPT4: theirs}.items()}
    of_first_draw = compare_with("ilora", ours | {GPT4: first[GPT4]}, SETTINGS)
    assert of_first_draw.equals(compare_with("ilora", first, SETTINGS))
    assert of_first_draw["value"][1] != compare_with("ilora", ours | {GPT4: theirs}, SETTINGS)["value"][1]


def test_a_method_that_answers_alike_shows_no_difference(make_predictions: PredictionsMaker) -> None:
    predictions = {ILORA[0]: make_predictions("ilora"), LLARA[0]: make_predictions("llara")}
    for row in compare_with("ilora", predictions, SETTINGS).to_pylist():
        assert (row["value"], row["low"], row["high"], row["p"]) == (0.0, 0.0, 0.0, 1.0)
        assert row["minimum_detectable"] is None


def test_sweeps_and_other_data_sets_stay_apart(make_predictions: PredictionsMaker) -> None:
    sweep = Run("movielens", "random_users", "llara", "embedded", "rank~4", 1)
    elsewhere = Run("lastfm", "random_users", "llara", "embedded", seed=1)
    predictions = {ILORA[0]: make_predictions("ilora"), sweep: make_predictions("llara")}
    assert compare_with("ilora", predictions | {elsewhere: make_predictions("llara")}, SETTINGS).num_rows == 0


def test_without_the_reference_there_is_nothing_to_compare(make_predictions: PredictionsMaker) -> None:
    assert compare_with("ilora", {LLARA[0]: make_predictions("llara")}, SETTINGS).num_rows == 0


def test_other_users_are_refused(make_predictions: PredictionsMaker) -> None:
    predictions = {ILORA[0]: make_predictions("ilora"), LLARA[0]: make_predictions("llara", users=10)}
    with pytest.raises(ValueError, match="different users"):
        compare_with("ilora", predictions, SETTINGS)
