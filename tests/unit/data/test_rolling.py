"""The protocol rolling: training and test data by period, and no leakage from later interactions."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ilora.baselines.scorers import SCORERS
from ilora.data.filters import keep_core, keep_distinct_pairs, keep_minimum_rating
from ilora.data.periods import cut_periods
from ilora.data.protocol_names import period_of, rolling_protocol
from ilora.data.protocols import draw_candidate_sets, interactions_before_tests, make_sequences, prepare
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.statistics import dataset_statistics
from ilora.data.trajectories import training_trajectories

Rows = list[dict[str, Any]]

# The steps of real recipes: a minimum rating, repeated pairs, and filters by the number of interactions.
RECIPE = Recipe(lambda settings: [keep_minimum_rating(2.0), keep_distinct_pairs(), keep_core(2, 3)])
USERS, ITEMS, PERIODS = 30, 40, 3
BEGINS = np.array([1_000, 1_400, 1_800])


def past_and_future() -> Rows:
    """Return invented interactions from 0 to 2,200; users appear one after another, and some items late."""
    draw = random.Random(7)
    rows = []
    for user in range(USERS):
        first = draw.randrange(0, 1_900)
        for _ in range(draw.randrange(6, 18)):
            time = min(2_199, first + draw.randrange(0, 900))
            item = draw.randrange(0, 25 + time // 150)
            rows.append(row(f"{97 * user % 31}", item, time, float(draw.randrange(1, 6))))
    return rows


def row(user: str, item: int, time: int, rating: float = 5.0) -> dict[str, Any]:
    return {"raw_user_id": user, "raw_item_id": str(item), "rating": rating, "timestamp": time}


def raw_data(rows: Rows) -> RawData:
    items = [{"raw_id": str(item), "title": f"Film {item}", "metadata": "{}"} for item in range(ITEMS)]
    return RawData(pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS), pa.Table.from_pylist(items, schema=RAW_ITEMS))


def one_user_a_period(rows: Rows, moment: int) -> Rows:
    """One user in each period, and no others."""
    begins = [int(begin) for begin in BEGINS if begin >= moment]
    return [row(f"of {begin}", item, begin + item) for begin in begins for item in range(5)]


def other_items(rows: Rows, moment: int) -> Rows:
    return [{**each, "raw_item_id": str((int(each["raw_item_id"]) + 11) % ITEMS)} for each in rows]


def new_users_first(rows: Rows, moment: int) -> Rows:
    """Users whose names sort before all others, with old and new items exactly at the moment."""
    return [*rows, *(row(f"-{user}", item, moment) for user in range(5) for item in range(user, ITEMS, 4))]


def much_again(rows: Rows, moment: int) -> Rows:
    """Every user has many items, some of them repeated from the past with higher ratings."""
    return [*rows, *(row(str(user), (user + item) % ITEMS, moment + item) for user in range(31) for item in range(9))]


FUTURES: list[Callable[[Rows, int], Rows]] = [one_user_a_period, other_items, new_users_first, much_again]


def content(table: pa.Table) -> bytes:
    """Return a table as the bytes of a file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink)
    return sink.getvalue().to_pybytes()


def made_before(rows: Rows, first: int, moment: int) -> dict[str, bytes]:
    """Return the bytes of all outputs of ``rolling~FIRSTof3`` from before a moment, where a period starts."""
    protocol = rolling_protocol(first, PERIODS)
    prepared = prepare(raw_data(rows), RECIPE, protocol, FilterSettings(), BEGINS)
    interactions, items = prepared.interactions, prepared.items.num_rows
    sequences = make_sequences(
        interactions, protocol, split_seed=0, minimum_history=1, maximum_history=4, begins=BEGINS
    )
    candidates = draw_candidate_sets(sequences, interactions, protocol, number_of_items=items, size=5, draws=2, seed=0)
    known = interactions.filter(pc.less(interactions["timestamp"], moment))
    target_times = _target_times(sequences, interactions)
    early = sequences.filter(pa.array(target_times < moment))
    assert early["sequence_id"].to_pylist() == list(range(early.num_rows))  # they are the first rows of the file
    answered = candidates.filter(pc.less(candidates["sequence_id"], early.num_rows))
    training = interactions_before_tests(interactions, protocol, BEGINS)
    statistics = dataset_statistics(training, early, items)
    scores = {name: score(sequences, answered, items) for name, score in SCORERS.items()}
    return {
        "items": content(prepared.items),
        "interactions": content(known),
        "training interactions": content(training),
        "sequences": content(early),
        "candidates": content(answered),
        "statistics": repr(statistics).encode(),
        "trajectories": repr(training_trajectories(sequences)).encode(),
        **{name: np.asarray(values).tobytes() for name, values in scores.items()},
    }


def _target_times(sequences: pa.Table, interactions: pa.Table) -> np.ndarray:
    times: dict[int, list[int]] = {}
    for user, time in zip(interactions["user_id"].to_pylist(), interactions["timestamp"].to_pylist(), strict=True):
        times.setdefault(user, []).append(time)
    places = zip(sequences["user_id"].to_pylist(), sequences["position"].to_pylist(), strict=True)
    return np.array([times[user][position] for user, position in places])


@pytest.mark.parametrize("change", FUTURES)
@pytest.mark.parametrize(("first", "changed"), [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)])
def test_another_future_changes_no_byte_of_what_was_before(
    change: Callable[[Rows, int], Rows], first: int, changed: int
) -> None:
    rows, moment = past_and_future(), int(BEGINS[changed - 1])
    past = [each for each in rows if each["timestamp"] < moment]
    future = [each for each in rows if each["timestamp"] >= moment]
    other = [*past, *change(future, moment)]
    assert made_before(other, first, moment) == made_before(rows, first, moment)


def test_the_order_of_the_input_does_not_matter() -> None:
    rows = past_and_future()
    shuffled = random.Random(1).sample(rows, len(rows))
    assert made_before(shuffled, 2, 10_000) == made_before(rows, 2, 10_000)


def test_what_is_trained_validated_and_tested() -> None:
    # Items 0 to 3 are known before the first period at time 10, item 4 is not.
    log = {
        "b": [(0, 1), (1, 2), (2, 3), (3, 12), (4, 13), (0, 14)],
        "a": [(3, 5), (2, 11), (1, 21), (0, 22)],
        "c": [(0, 20), (1, 25)],
    }
    rows = [
        row(user, item, time) for user, of_user in log.items() for item, time in of_user if (user, time) != ("b", 14)
    ]
    recipe = Recipe(lambda settings: [keep_distinct_pairs()])
    begins = np.array([10, 20])
    prepared = prepare(raw_data(rows), recipe, "rolling~1of2", FilterSettings(), begins)
    assert prepared.items["raw_id"].to_pylist() == ["0", "1", "2", "3"]
    # In order of appearance, not of names.
    assert prepared.interactions["raw_user_id"].unique().to_pylist() == ["b", "a", "c"]

    def found(protocol: str) -> list[tuple[str, str, list[int], int]]:
        sequences = make_sequences(
            prepared.interactions, protocol, split_seed=0, minimum_history=1, maximum_history=2, begins=begins
        )
        return [
            tuple(each[key] for key in ("split", "raw_user_id", "history", "target")) for each in sequences.to_pylist()
        ]

    of_second = [("test", "a", [2, 1], 0), ("test", "c", [0], 1)]
    assert found("rolling~1of2") == [
        ("train", "b", [0], 1),
        ("val", "b", [0, 1], 2),
        ("test", "b", [1, 2], 3),  # item 4 is left out
        ("test", "a", [3], 2),
        *of_second,
    ]
    assert found("rolling~2of2") == [
        ("train", "b", [0], 1),
        ("train", "b", [0, 1], 2),
        ("val", "b", [1, 2], 3),
        ("val", "a", [3], 2),
        *of_second,
    ]


def test_candidates_are_outside_of_what_the_user_had_before_and_not_of_what_comes() -> None:
    rows = [row("a", item, item) for item in range(6)] + [row("b", item, 2) for item in (0, 7, 8)]
    rows += [row("b", 6, 3), row("b", 1, 12), row("b", 2, 30)]
    recipe, begins = Recipe(lambda settings: [keep_distinct_pairs()]), np.array([10])
    prepared = prepare(raw_data(rows), recipe, "rolling~1of1", FilterSettings(), begins)
    sequences = make_sequences(
        prepared.interactions, "rolling~1of1", split_seed=0, minimum_history=1, maximum_history=2, begins=begins
    )
    drawn = draw_candidate_sets(
        sequences, prepared.interactions, "rolling~1of1", number_of_items=9, size=4, draws=40, seed=0
    )
    validation = next(each for each in sequences.to_pylist() if each["split"] == "val" and each["raw_user_id"] == "b")
    sets = [set(each["candidates"]) for each in drawn.to_pylist() if each["sequence_id"] == validation["sequence_id"]]
    others = set().union(*sets) - {validation["target"]}
    before = {item for item in (0, 6, 7, 8) if item != validation["target"]}
    assert others == set(range(9)) - before - {validation["target"]} and {1, 2} <= others


def test_periods_have_as_many_interactions_and_count_what_is_new() -> None:
    rows = [row("a", item, time) for time, item in enumerate([0, 1, 2, 3])]
    rows += [row("a", 4, 4), row("b", 0, 5), row("b", 9, 6), row("a", 5, 7)]
    periods = cut_periods(raw_data(rows), Recipe(lambda settings: []), FilterSettings(), periods=2, first_training=0.5)
    assert periods.to_pylist() == [
        {"period": 1, "begins": 4, "interactions": 2, "of_known_items": 1, "users": 2, "new_users": 1},
        {"period": 2, "begins": 6, "interactions": 2, "of_known_items": 0, "users": 2, "new_users": 1},
    ]
    with pytest.raises(ValueError, match="too many share their times"):
        cut_periods(
            raw_data([row("a", item, 3) for item in range(9)]),
            Recipe(lambda settings: []),
            FilterSettings(),
            periods=2,
            first_training=0.5,
        )


@pytest.mark.parametrize("protocol", ["rolling~3of2", "rolling~0of2", "gap~2", "rolling"])
def test_a_protocol_without_such_a_period_is_refused(protocol: str) -> None:
    with pytest.raises(ValueError, match="expected rolling~KofN"):
        period_of(protocol)
