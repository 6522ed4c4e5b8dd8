"""What methods come to by share, length and frequency, with numbers that can be counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import NO_SEED, Run
from ilora.predictions.schema import PREDICTIONS
from ilora.scarcity.histories import measure_histories
from ilora.scarcity.items import measure_items
from ilora.scarcity.shares import measure_shares

SETTINGS = IntervalSettings(samples=200)


def predictions(
    hits: Sequence[bool], lengths: Sequence[int] = (), targets: Sequence[int] = (), prefix: str = ""
) -> pa.Table:
    """Return answers of a user each to two sets of three candidates; a hit ranks the target first, a miss last."""
    rows = []
    for user, hit in enumerate(hits):
        target = targets[user] if targets else 1
        others = [item for item in (7, 8, 9) if item != target][:2]
        rows += [
            {
                "sequence_id": user,
                "split": "test",
                "user_id": user,
                "draw": draw,
                "method": "sasrec",
                "candidates_hash": f"{prefix}{user} {draw}",
                "history": [0] * (lengths[user] if lengths else 1),
                "target": target,
                "candidates": [others[0], target, others[1]],
                "scores": [0.5, 1.0 if hit else 0.0, 0.6],
                "choice": target if hit else others[1],
            }
            for draw in range(2)
        ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def row(table: pa.Table, **values: Any) -> dict[str, Any]:
    (found,) = [each for each in table.to_pylist() if all(each[key] == value for key, value in values.items())]
    return found


def run(protocol: str, seed: int = 1, method: str = "sasrec") -> Run:
    return Run("movielens", protocol, method, seed=seed)


def every(number: int, users: int = 40) -> list[bool]:
    return [user % number == 0 for user in range(users)]


def test_shares_are_compared_with_all_users_and_averaged_over_draws() -> None:
    runs = {
        run("random_users"): predictions(every(2)),
        run("random_users~share10draw1"): predictions(every(4)),
        run("random_users~share10draw2"): predictions(every(8)),
    }
    table = measure_shares(runs, 75, SETTINGS)
    few = row(table, share=10, metric="hit_ratio@1")
    assert few["value"] == pytest.approx((10 + 5) / 80) and few["difference"] == pytest.approx(15 / 80 - 0.5)
    assert few["value_low"] < few["value"] < few["value_high"]
    assert few["difference_low"] < few["difference"] < few["difference_high"]
    assert (few["training_users"], few["draws_of_users"], few["users"], few["draws"]) == (8, 2, 40, 2)
    assert few["covers"] == "users and draws of the training users and their trainings"
    whole = row(table, share=100, metric="hit_ratio@1")
    assert (whole["value"], whole["difference"], whole["training_users"]) == (0.5, None, 75)
    assert whole["covers"] == "users, one training"
    assert row(table, share=100, metric="ndcg@10")["value"] == pytest.approx(0.75)


def test_trainings_on_one_draw_count_once_beside_other_draws() -> None:
    def measured(seeds: Sequence[int]) -> dict[str, Any]:
        runs = {run("random_users", seed): predictions(every(2)) for seed in seeds}
        for draw, share in ((1, 2), (2, 8)):
            runs |= {run(f"random_users~share10draw{draw}", seed): predictions(every(share)) for seed in seeds}
        return row(measure_shares(runs, 75, SETTINGS), share=10, metric="hit_ratio@1")

    one, three = measured([1]), measured([1, 2, 3])
    assert [three[f"value{end}"] for end in ("", "_low", "_high")] == pytest.approx(
        [one[f"value{end}"] for end in ("", "_low", "_high")]
    )
    assert (one["seeds"], three["seeds"]) == (1, 3)


def test_a_baseline_varies_with_the_draw_of_the_users_alone() -> None:
    runs = {
        run("random_users", NO_SEED, "popularity"): predictions(every(2)),
        **{
            run(f"random_users~share10draw{draw}", NO_SEED, "popularity"): predictions(every(3 + draw))
            for draw in (1, 2)
        },
    }
    table = measure_shares(runs, 75, SETTINGS)
    assert row(table, share=10, metric="hit_ratio@1")["covers"] == "users and draws of the training users"
    assert row(table, share=100, metric="hit_ratio@1")["covers"] == "users"


def test_lengths_are_compared_on_users_with_the_longest_history() -> None:
    lengths = [10] * 30 + [4] * 10
    runs = {
        run("random_users"): predictions(every(2), lengths),
        run("random_users~last3"): predictions(every(5)),
    }
    table = measure_histories(runs, 10, SETTINGS)
    short, whole = (row(table, length=length, metric="hit_ratio@1") for length in (3, 10))
    assert (whole["value"], whole["difference"]) == (0.5, None)
    assert short["value"] == pytest.approx(6 / 30) and short["difference"] == pytest.approx(6 / 30 - 0.5)
    assert {(each["users"], each["users_left_out"]) for each in table.to_pylist()} == {(30, 10)}
    with pytest.raises(ValueError, match="No test user has a history of 12 items"):
        measure_histories(runs, 12, SETTINGS)


def test_other_candidate_sets_are_refused() -> None:
    whole, anew = predictions(every(2), [10] * 40), predictions(every(2), prefix="anew")
    with pytest.raises(ValueError, match="share10draw1 and random_users have other test users or candidate sets"):
        measure_shares({run("random_users"): whole, run("random_users~share10draw1"): anew}, 75, SETTINGS)
    with pytest.raises(ValueError, match="did not answer the same candidate sets"):
        measure_histories({run("random_users"): whole, run("random_users~last3"): anew}, 10, SETTINGS)
    with pytest.raises(ValueError, match="answered 80 candidate sets that .* did not"):
        measure_items({run("a"): whole, run("a", 1, "caser"): anew}, np.ones(10), (0, 5), SETTINGS)


def test_targets_are_grouped_by_their_training_interactions() -> None:
    # Items 1 to 4 with 0, 1, 4 and 20 interactions; nobody has a target with 5 to 19.
    targets = [1 + user % 4 for user in range(40)]
    frequencies = np.array([99.0, 0.0, 1.0, 4.0, 20.0, 7.0])
    hits = [target in (2, 4) for target in targets]
    table = measure_items(
        {run("random_users"): predictions(hits, targets=targets)}, frequencies, (0, 1, 5, 20), SETTINGS
    )
    found = [
        (each["group"], each["value"], each["users"]) for each in table.to_pylist() if each["metric"] == "hit_ratio@1"
    ]
    assert found == [("0", 0.0, 10), ("1 to 4", 0.5, 20), ("5 to 19", None, 0), ("20 or more", 1.0, 10)]
