"""Metrics of methods at every gap and in every period, on data small enough to count by hand."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from ilora.drift.gaps import measure_gaps
from ilora.drift.periods import measure_periods
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import Run
from ilora.predictions.schema import PREDICTIONS

SETTINGS = IntervalSettings(samples=200)

#: For each user and target, under arbitrary names, whether it is hit in the first and in the second candidate set.
Hits = dict[tuple[int, str], tuple[bool, bool]]


def predictions(hits: Hits) -> pa.Table:
    """Return answers to sets of three candidates, the target item 1; a hit ranks it first, a miss last."""
    rows = [
        {
            "sequence_id": sequence,
            "split": "test",
            "user_id": user,
            "draw": draw,
            "method": "sasrec",
            "candidates_hash": f"{user} {target} {draw}",
            "history": [0],
            "target": 1,
            "candidates": [0, 1, 2],
            "scores": [0.5, 1.0 if hit else 0.0, 0.6],
            "choice": 1 if hit else 2,
        }
        for sequence, ((user, target), both) in enumerate(hits.items())
        for draw, hit in enumerate(both)
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def measured(table: pa.Table, **values: Any) -> dict[str, Any]:
    (row,) = [each for each in table.to_pylist() if all(each[key] == value for key, value in {**values}.items())]
    return row


def run(protocol: str, seed: int = 1) -> Run:
    return Run("movielens", protocol, "sasrec", seed=seed)


def answers(users: Sequence[int], target: str, share: int) -> Hits:
    """Return answers in which one user in `share` hits both sets."""
    return {(user, target): (user % share == 0,) * 2 for user in users}


def test_drops_are_those_of_the_same_targets_and_of_one_training() -> None:
    users = range(40)
    runs = {
        run("chronological"): predictions({**answers(users, "last", 2), (99, "last"): (True, True)}),
        run("gap~5"): predictions({**answers(users, "first of 5", 1), **answers(users, "last", 4)}),
        run("gap~9"): predictions({**answers(users, "first of 9", 2), **answers(users, "last", 2)}),
    }
    table = measure_gaps(runs, SETTINGS)
    zero = measured(table, gap=0, metric="hit_ratio@1")
    # The user who is not tested at every gap is excluded everywhere.
    assert (zero["value"], zero["without_gap"], zero["users"]) == (0.5, 0.5, 40)
    assert zero["drop"] is None and zero["drop_within"] is None
    five = measured(table, gap=5, metric="hit_ratio@1")
    assert (five["value"], five["without_gap"]) == (0.25, 1.0)
    assert (five["drop"], five["drop_within"]) == (pytest.approx(50.0), pytest.approx(75.0))
    assert five["drop_low"] < 50.0 < five["drop_high"] <= 100.0
    # All users hit the same targets: there is no drop in any resample of users.
    nine = measured(table, gap=9, metric="hit_ratio@1")
    assert [nine[f"drop{end}"] for end in ("", "_low", "_high")] == pytest.approx([0.0, 0.0, 0.0])
    assert five["draws"] == 2 and five["seeds"] == 1 and five["covers"] == "users, one training"
    assert measured(table, gap=5, metric="ndcg@10")["value"] == pytest.approx(0.25 + 0.75 / 2)


def test_runs_on_other_candidate_sets_are_refused() -> None:
    users = range(10)
    runs = {
        run("chronological"): predictions(answers(users, "last", 2)),
        run("gap~5"): predictions({**answers(users, "first", 1), **answers(users, "last, drawn anew", 2)}),
    }
    with pytest.raises(ValueError, match="No user is tested at every gap of 0, 5"):
        measure_gaps(runs, SETTINGS)
    seeds = {run("gap~5"): predictions(answers(users, "a", 2)), run("gap~5", 2): predictions(answers(users, "b", 2))}
    with pytest.raises(ValueError, match="did not answer the same candidate sets"):
        measure_gaps(seeds, SETTINGS)
    other = {
        run("rolling~1of2"): predictions(answers(users, "first", 2) | answers(users, "second", 2)),
        run("rolling~2of2"): predictions(answers(users, "second, drawn anew", 2)),
    }
    with pytest.raises(ValueError, match="before period 2 is tested on other candidate sets"):
        measure_periods(other, SETTINGS)


def test_periods_are_told_apart_and_trainings_compared_in_them() -> None:
    first, second, third = range(20), range(10, 40), range(30, 50)
    once = {**answers(first, "1", 2), **answers(second, "2", 5), **answers(third, "3", 10)}
    again = {**answers(second, "2", 2), **answers(third, "3", 5)}
    runs = {
        run("rolling~1of3"): predictions(once),
        run("rolling~2of3"): predictions(again),
        run("rolling~3of3"): predictions(answers(third, "3", 2)),
    }
    table = measure_periods(runs, SETTINGS)

    def hit_ratio(period: int, before: int) -> dict[str, Any]:
        return measured(table, period=period, trained_before=before, metric="hit_ratio@1")

    values = {(row["period"], row["trained_before"]): row["value"] for row in table.to_pylist()[:6]}
    expected = {(1, 1): 0.5, (2, 1): 0.2, (2, 2): 0.5, (3, 1): 0.1, (3, 2): 0.2, (3, 3): 0.5}
    assert values == pytest.approx(expected)
    assert hit_ratio(1, 1)["drop"] is None and hit_ratio(2, 1)["gain"] is None
    assert hit_ratio(2, 1)["drop"] == pytest.approx(60.0) and hit_ratio(3, 2)["drop"] == pytest.approx(60.0)
    assert hit_ratio(2, 2)["gain"] == pytest.approx(0.3) and hit_ratio(3, 3)["gain"] == pytest.approx(0.4)
    assert hit_ratio(2, 2)["gain_low"] < 0.3 < hit_ratio(2, 2)["gain_high"]
    assert [hit_ratio(period, 1)["users"] for period in (1, 2, 3)] == [20, 30, 20]


def test_several_trainings_are_averaged_and_covered() -> None:
    users = range(30)
    runs = {
        run(protocol, seed): predictions({**extra, **answers(users, "last", share)})
        for protocol, extra, shares in (
            ("chronological", {}, (2, 3)),
            ("gap~1", answers(users, "first", 2), (5, 6)),
        )
        for seed, share in enumerate(shares)
    }
    one = measured(measure_gaps(runs, SETTINGS), gap=1, metric="hit_ratio@1")
    assert one["seeds"] == 2 and one["covers"] == "users and trainings"
    assert one["value"] == pytest.approx((6 + 5) / 60)
    assert one["drop"] == pytest.approx(100 * (1 - (6 + 5) / (15 + 10)))
