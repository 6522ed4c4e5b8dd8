"""The published protocol: its numbers on MovieLens-100K, and what must hold on any data."""

import random
from collections import Counter, defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.data.published import make_sequences, prepare_movielens
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData
from ilora.data.readers import read_raw

ITEM_COUNT = 15

#: For each user, (item, rating, time since the one before) in the order of rating; a time of 0 makes a tie.
users_strategy = st.lists(
    st.lists(
        st.tuples(st.integers(0, ITEM_COUNT - 1), st.integers(1, 5), st.integers(0, 2)),
        min_size=8,
        max_size=ITEM_COUNT,
        unique_by=lambda rating: rating[0],
    ),
    min_size=10,
    max_size=20,
)


def raw_data(users: list[list[tuple[int, int, int]]], shuffle_seed: int | None = None) -> RawData:
    rows = []
    for user, ratings in enumerate(users):
        timestamp = 1_000
        for item, rating, wait in ratings:
            timestamp += wait
            rows.append(
                {
                    "raw_user_id": str(user + 1),
                    "raw_item_id": str(item + 1),
                    "rating": float(rating),
                    "timestamp": timestamp,
                }
            )
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(rows)
    items = [{"raw_id": str(n + 1), "title": f"Film {n + 1}", "metadata": "{}"} for n in range(ITEM_COUNT)]
    return RawData(pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS), pa.Table.from_pylist(items, schema=RAW_ITEMS))


def sequences_of(interactions: pa.Table, split_seed: int = 0) -> pa.Table:
    return make_sequences(interactions, split_seed=split_seed, minimum_history=3, maximum_history=10)


@pytest.fixture(scope="module")
def movielens() -> tuple[pa.Table, pa.Table]:
    return prepare_movielens(read_raw("movielens", "recbole"), minimum_rating=3)


def test_movielens_has_the_published_numbers(movielens: tuple[pa.Table, pa.Table]) -> None:
    interactions, items = movielens
    assert (interactions.num_rows, items.num_rows) == (82_520, 1_574)
    sequences = sequences_of(interactions)
    rows = Counter(sequences["split"].to_pylist())
    assert (rows["val"], rows["test"]) == (94, 95)
    lengths = Counter(interactions["user_id"].to_pylist())
    evaluated = {row["user_id"] for row in sequences.to_pylist() if row["split"] != "train"}
    assert rows["train"] == sum(length - 3 for user, length in lengths.items() if user not in evaluated)
    assert len(lengths) - len(evaluated) == 754


def test_another_seed_splits_otherwise(movielens: tuple[pa.Table, pa.Table]) -> None:
    interactions, _ = movielens
    assert sequences_of(interactions).equals(sequences_of(interactions))
    assert not sequences_of(interactions).equals(sequences_of(interactions, split_seed=1))


def test_schemas_and_dense_ids(movielens: tuple[pa.Table, pa.Table]) -> None:
    interactions, items = movielens
    assert interactions.schema == INTERACTIONS
    assert items.schema == ITEMS
    assert sequences_of(interactions).schema == SEQUENCES
    assert items["item_id"].to_pylist() == list(range(items.num_rows))
    raw_ids = [int(raw_id) for raw_id in items["raw_id"].to_pylist()]
    assert raw_ids == sorted(raw_ids)
    assert set(interactions["item_id"].to_pylist()) == set(range(items.num_rows))


@settings(max_examples=25, deadline=None)
@given(users=users_strategy, shuffle_seed=st.integers(0, 2**16))
def test_the_order_of_the_input_does_not_matter(users: list[list[tuple[int, int, int]]], shuffle_seed: int) -> None:
    one, items = prepare_movielens(raw_data(users), minimum_rating=1)
    other, other_items = prepare_movielens(raw_data(users, shuffle_seed), minimum_rating=1)
    assert one.equals(other)
    assert items.equals(other_items)
    assert sequences_of(one).equals(sequences_of(other))


@settings(max_examples=25, deadline=None)
@given(users=users_strategy, split_seed=st.integers(0, 2**16))
def test_windows_follow_the_sequences_and_nothing_leaks(
    users: list[list[tuple[int, int, int]]], split_seed: int
) -> None:
    interactions, _ = prepare_movielens(raw_data(users), minimum_rating=1)
    items_of: dict[int, list[int]] = defaultdict(list)
    for row in interactions.to_pylist():
        items_of[row["user_id"]].append(row["item_id"])
    sequences = sequences_of(interactions, split_seed).to_pylist()
    splits_of_user: dict[int, set[str]] = defaultdict(set)
    windows_of_user: dict[int, list[tuple[list[int], int]]] = defaultdict(list)
    for row in sequences:
        splits_of_user[row["user_id"]].add(row["split"])
        windows_of_user[row["user_id"]].append((row["history"], row["target"]))
    assert [row["sequence_id"] for row in sequences] == list(range(len(sequences)))
    assert [row["split"] for row in sequences] == sorted(
        (row["split"] for row in sequences), key=["train", "val", "test"].index
    )
    for user, items in items_of.items():
        assert len(splits_of_user[user]) == 1
        expected = [(items[max(0, end - 10) : end], items[end]) for end in range(3, len(items))]
        assert windows_of_user[user] == (expected if splits_of_user[user] == {"train"} else expected[-1:])


@settings(max_examples=25, deadline=None)
@given(users=users_strategy)
def test_rows_are_in_time_order(users: list[list[tuple[int, int, int]]]) -> None:
    interactions, _ = prepare_movielens(raw_data(users), minimum_rating=1)
    order = [(int(row["raw_user_id"]), row["timestamp"]) for row in interactions.to_pylist()]
    assert order == sorted(order)


def test_the_order_of_ties_says_nothing_about_the_items(movielens: tuple[pa.Table, pa.Table]) -> None:
    rows = movielens[0].to_pylist()
    ties = [
        (first["item_id"], second["item_id"])
        for first, second in zip(rows, rows[1:], strict=False)
        if (first["user_id"], first["timestamp"]) == (second["user_id"], second["timestamp"])
    ]
    assert len(ties) > 30_000
    assert sum(first < second for first, second in ties) / len(ties) == pytest.approx(0.5, abs=0.02)


def test_low_ratings_are_dropped_and_every_step_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    users = [[(item, 1 + item % 5, 1) for item in range(ITEM_COUNT)] for _ in range(10)]
    with caplog.at_level("INFO", logger="ilora.data"):
        interactions, items = prepare_movielens(raw_data(users), minimum_rating=3)
        sequences_of(interactions)
    assert interactions.num_rows == 90
    assert items.num_rows == 9
    assert "rating >= 3: 150 interactions in, 90 out" in caplog.messages
    assert "windows, train: 72 interactions of 8 users in, 48 windows out" in caplog.messages
    assert "windows, val: 9 interactions of 1 users in, 1 windows out" in caplog.messages


def test_when_no_rating_is_high_enough_it_says_so() -> None:
    users = [[(item, 3, 1) for item in range(5)]]
    with pytest.raises(ValueError, match="None of the 5 interactions has a rating of at least 4"):
        prepare_movielens(raw_data(users), minimum_rating=4)
