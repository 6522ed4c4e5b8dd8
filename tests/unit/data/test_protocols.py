"""Invariants of every protocol on any data: no leakage, and no dependence on the order of the input."""

import random
from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilora.artifacts.schemas import SEQUENCES
from ilora.data.protocols import PROTOCOLS, draw_candidate_sets, make_sequences, prepare
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData
from ilora.data.recipes import FilterSettings
from ilora.data.sequences import sequence_table
from ilora.data.trajectories import training_trajectories
from ilora.datasets.movielens import DATASET as MOVIELENS

ITEM_COUNT = 40

#: For each user, distinct items with the time since the previous one; a time of 0 makes a tie.
Log = list[list[tuple[int, int]]]
logs = st.lists(
    st.lists(
        st.tuples(st.integers(0, ITEM_COUNT - 1), st.integers(0, 2)),
        min_size=5,
        max_size=9,
        unique_by=lambda interaction: interaction[0],
    ),
    min_size=8,
    max_size=10,
)

#: Additional users, so that every item occurs and keeps its id.
OTHERS: Log = [[(item, 1) for item in range(first, first + 8)] for first in range(0, ITEM_COUNT, 8)]


def raw_data(log: Log, shuffle_seed: int | None = None) -> RawData:
    """Return a log as raw data in which each user returns to the first item at the end."""
    rows = []
    for user, interactions in enumerate([*OTHERS, *log]):
        timestamp = 1_000
        for item, wait in [*interactions, *interactions[:1]]:
            timestamp += wait
            names = {"raw_user_id": str(user), "raw_item_id": str(item)}
            rows.append({**names, "rating": 4.0, "timestamp": timestamp})
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(rows)
    items = [{"raw_id": str(n), "title": f"Film {n}", "metadata": "{}"} for n in range(ITEM_COUNT)]
    return RawData(pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS), pa.Table.from_pylist(items, schema=RAW_ITEMS))


def sequences_of(interactions: pa.Table, protocol: str) -> pa.Table:
    return make_sequences(interactions, protocol, split_seed=3, minimum_history=2, maximum_history=5)


def sets_of(sequences: pa.Table, interactions: pa.Table, protocol: str, size: int) -> pa.Table:
    return draw_candidate_sets(
        sequences, interactions, protocol, number_of_items=ITEM_COUNT, size=size, draws=2, seed=0
    )


def tables_of(log: Log, protocol: str, shuffle_seed: int | None = None) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return interactions, items and sequences."""
    prepared = prepare(raw_data(log, shuffle_seed), MOVIELENS.recipe_of(protocol), protocol, FilterSettings())
    return prepared.interactions, prepared.items, sequences_of(prepared.interactions, protocol)


def by_user(interactions: pa.Table) -> dict[int, list[int]]:
    items_of: dict[int, list[int]] = defaultdict(list)
    for row in interactions.to_pylist():
        items_of[row["user_id"]].append(row["item_id"])
    return items_of


def windows_of(sequences: pa.Table, split: str) -> dict[int, list[dict[str, Any]]]:
    windows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in sequences.to_pylist():
        if row["split"] == split:
            windows[row["user_id"]].append(row)
    return windows


# The released order of ties follows the sorted input.
@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "released"])
@settings(max_examples=15, deadline=None)
@given(log=logs, shuffle_seed=st.integers(0, 2**16))
def test_the_order_of_the_input_does_not_matter(protocol: str, log: Log, shuffle_seed: int) -> None:
    for one, other in zip(tables_of(log, protocol), tables_of(log, protocol, shuffle_seed), strict=True):
        assert one.equals(other)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=20, deadline=None)
@given(log=logs)
def test_no_held_out_item_of_a_user_is_trained_on(protocol: str, log: Log) -> None:
    _, _, sequences = tables_of(log, protocol)
    training = windows_of(sequences, "train")
    for split in ("val", "test"):
        for user, windows in windows_of(sequences, split).items():
            assert len(windows) == 1
            trained_on = {item for row in training[user] for item in [*row["history"], row["target"]]}
            assert windows[0]["target"] not in trained_on
    held_out = {(row["user_id"], row["target"]) for row in sequences.to_pylist() if row["split"] != "train"}
    users = sorted(windows_of(sequences, "train"))
    trajectories = training_trajectories(sequences)
    assert not held_out & {(user, item) for user, items in zip(users, trajectories, strict=True) for item in items}


@settings(max_examples=20, deadline=None)
@given(log=logs)
def test_random_users_gives_every_window_of_training_users_and_the_last_of_others(log: Log) -> None:
    interactions, _, sequences = tables_of(log, "random_users")
    windows = {split: windows_of(sequences, split) for split in ("train", "val", "test")}
    users_of = {split: set(of_users) for split, of_users in windows.items()}
    assert sum(map(len, users_of.values())) == len(set().union(*users_of.values()))  # no user is in two splits
    for user, items in by_user(interactions).items():
        expected = [(items[max(0, end - 5) : end], items[end]) for end in range(2, len(items))]
        found = [(row["history"], row["target"]) for of_users in windows.values() for row in of_users[user]]
        assert found == (expected if user in users_of["train"] else expected[-1:])


@settings(max_examples=20, deadline=None)
@given(log=logs)
def test_chronological_leaves_the_last_two_of_every_user_out(log: Log) -> None:
    interactions, _, sequences = tables_of(log, "chronological")
    assert sequences.schema == SEQUENCES
    for user, items in by_user(interactions).items():
        expected = [(items[max(0, end - 5) : end], items[end]) for end in range(2, len(items))]
        by_split = {
            split: [(row["history"], row["target"]) for row in windows_of(sequences, split)[user]]
            for split in ("train", "val", "test")
        }
        assert by_split["test"] == expected[-1:]
        assert by_split["val"] == expected[-2:-1]
        assert by_split["train"] == expected[:-2]


@settings(max_examples=20, deadline=None)
@given(log=logs)
def test_chronological_is_in_time_order(log: Log) -> None:
    interactions, _, _ = tables_of(log, "chronological")
    rows = interactions.to_pylist()
    order = [(int(row["raw_user_id"]), row["timestamp"]) for row in rows]
    assert order == sorted(order)
    pairs = {(row["raw_user_id"], row["raw_item_id"]) for row in rows}
    assert len(pairs) == len(rows)  # no item twice with a user


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=15, deadline=None)
@given(log=logs)
def test_candidates_avoid_the_history_or_all_that_the_user_ever_had(protocol: str, log: Log) -> None:
    interactions, _, sequences = tables_of(log, protocol)
    items_of, rows = by_user(interactions), sequences.to_pylist()
    drawn = sets_of(sequences, interactions, protocol, size=20).to_pylist()
    assert len(drawn) == 2 * sum(row["split"] != "train" for row in rows)
    for candidate_set in drawn:
        row = rows[candidate_set["sequence_id"]]
        others = [item for item in candidate_set["candidates"] if item != row["target"]]
        avoided = items_of[row["user_id"]] if protocol == "chronological" else row["history"]
        assert len(candidate_set["candidates"]) == 20
        assert len(set(others)) == len(others) == 19
        assert not set(others) & set(avoided)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=15, deadline=None)
@given(log=logs, dropped=st.integers(0, 7))
def test_the_sets_of_a_user_do_not_change_when_another_is_dropped(protocol: str, log: Log, dropped: int) -> None:
    def sets_by_key(log: Log) -> dict[tuple[str, str, int], tuple[list[str], str]]:
        interactions, items, sequences = tables_of(log, protocol)
        raw_ids = items["raw_id"].to_pylist()
        keys = sequence_table(sequences).keys
        drawn = sets_of(sequences, interactions, protocol, size=10)
        return {
            (keys[row["sequence_id"]].split, keys[row["sequence_id"]].raw_user_id, row["draw"]): (
                [raw_ids[item] for item in row["candidates"]],
                row["hash"],
            )
            for row in drawn.to_pylist()
        }

    before, after = sets_by_key(log), sets_by_key([*log[:dropped], [], *log[dropped + 1 :]])
    shared = before.keys() & after.keys()
    if protocol == "chronological":  # In the other, a user may be in another split.
        assert len(shared) == len(before) - 4
    assert all(before[key] == after[key] for key in shared)


def test_a_protocol_that_does_not_exist_is_named() -> None:
    problem = "no protocol 'random'. Known protocols: released, random_users, chronological"
    raw = raw_data([])
    with pytest.raises(ValueError, match=problem):
        prepare(raw, MOVIELENS.recipe, "random", FilterSettings())
    with pytest.raises(ValueError, match=problem):
        sequences_of(raw.interactions, "random")
    with pytest.raises(ValueError, match=problem):
        sets_of(raw.interactions, raw.interactions, "random", size=20)
