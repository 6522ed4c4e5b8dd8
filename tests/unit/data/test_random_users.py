"""The protocol random_users: its numbers on MovieLens-100K, and its recipes for LastFM and Steam on made-up data."""

from collections import Counter

import pyarrow as pa
import pytest

from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.configuration.own_datasets import own_dataset
from ilora.configuration.sections.own_data import OwnDataset
from ilora.data.protocols import make_sequences, prepare
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData
from ilora.data.recipes import FilterSettings
from ilora.datasets.movielens import DATASET as MOVIELENS
from ilora.datasets.register import built_in_dataset

RATED = FilterSettings(minimum_rating=3.0)
BOOKS = OwnDataset(interactions="ratings.csv", items="books.csv")


def raw_data(rows: list[tuple[str, str, int]], raw_items: list[str]) -> RawData:
    """Return raw data of (user, item, timestamp), every rating 5, with the items in the given order."""
    interactions = [
        {"raw_user_id": user, "raw_item_id": item, "rating": 5.0, "timestamp": time} for user, item, time in rows
    ]
    items = [{"raw_id": raw_id, "title": f"Title {raw_id}", "metadata": "{}"} for raw_id in raw_items]
    return RawData(
        pa.Table.from_pylist(interactions, schema=RAW_INTERACTIONS), pa.Table.from_pylist(items, schema=RAW_ITEMS)
    )


def sequences_of(interactions: pa.Table, split_seed: int = 0) -> pa.Table:
    return make_sequences(interactions, "random_users", split_seed=split_seed, minimum_history=3, maximum_history=10)


@pytest.fixture(scope="module")
def movielens() -> tuple[pa.Table, pa.Table]:
    prepared = prepare(MOVIELENS.read("recbole"), MOVIELENS.recipe, "random_users", RATED)
    return prepared.interactions, prepared.items


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


def test_the_order_of_ties_says_nothing_about_the_items(movielens: tuple[pa.Table, pa.Table]) -> None:
    rows = movielens[0].to_pylist()
    ties = [
        (first["item_id"], second["item_id"])
        for first, second in zip(rows, rows[1:], strict=False)
        if (first["user_id"], first["timestamp"]) == (second["user_id"], second["timestamp"])
    ]
    assert len(ties) > 30_000
    assert sum(first < second for first, second in ties) / len(ties) == pytest.approx(0.5, abs=0.02)


def test_lastfm_keeps_artists_of_4_users_then_users_of_4_artists_once_each() -> None:
    common = [(f"{user}", f"{artist}", 100 - artist) for user in range(1, 6) for artist in range(8, 13)]
    tagged_twice = [("1", "8", 5)]
    # With user 6, artist 7 has 4 users. User 6 keeps only 3 artists, so 7 is left with 3 users and stays.
    once = [("6", "7", 1), ("6", "8", 1), ("6", "9", 1), ("6", "99", 1), ("1", "7", 1), ("2", "7", 1), ("3", "7", 1)]
    prepared = prepare(
        raw_data([*common, *tagged_twice, *once], ["99", *map(str, range(7, 13))]),
        built_in_dataset("lastfm").recipe,
        "random_users",
        FilterSettings(),
    )
    assert [(count.rows_out, count.users_out, count.items_out) for count in prepared.steps[:3]] == [
        (32, 6, 7),
        (31, 6, 6),
        (28, 5, 6),
    ]
    assert prepared.items["raw_id"].to_pylist() == ["7", "8", "9", "10", "11", "12"]
    of_first = prepared.interactions.filter(pa.compute.equal(prepared.interactions["raw_user_id"], "1"))
    assert of_first["raw_item_id"].to_pylist() == ["7", "8", "9", "10", "11", "12"]  # regardless of times


def test_steam_keeps_a_third_of_the_users_with_20_reviews_and_a_third_of_the_games() -> None:
    games = [str(number) for number in range(90, 0, -1)]
    rows = [(f"user {user}", game, day) for user in range(300) for day, game in enumerate(games[: 10 + user % 20])]
    prepared = prepare(
        raw_data(rows, games), built_in_dataset("steam").recipe, "random_users", FilterSettings(sample_seed=1)
    )
    counts = [(count.step, count.users_out, count.items_out) for count in prepared.steps[:4]]
    assert counts[:2] == [("distinct pairs", 300, 29), ("users with >= 20 items", 150, 29)]
    assert counts[2][:1] == ("sample of 0.333 of the users",)
    assert 30 < counts[2][1] < 70
    assert counts[3][:1] == ("sample of 0.333 of the items",)
    assert 2 < counts[3][2] < 20
    raw_ids = prepared.items["raw_id"].to_pylist()
    assert raw_ids == [game for game in games if game in raw_ids]  # ids in the order of the games
    assert prepared.interactions.schema == INTERACTIONS


def test_own_data_keeps_a_core_only_where_one_is_asked_for() -> None:
    rows = [(user, item, 0) for user in "abc" for item in "XYZ"] + [("d", "W", 0)]
    raw = raw_data(rows, list("WXYZ"))
    everything = prepare(raw, own_dataset("books", BOOKS).recipe, "random_users", FilterSettings())
    assert [count.step for count in everything.steps][0] == "distinct pairs"
    assert everything.interactions.num_rows == 10
    asking = own_dataset("books", BOOKS.model_copy(update={"minimum_users_per_item": 2}))
    core = prepare(raw, asking.recipe, "random_users", FilterSettings())
    assert core.interactions.num_rows == 9
    assert core.items["title"].to_pylist() == ["Title X", "Title Y", "Title Z"]


def test_too_high_a_minimum_rating_is_named() -> None:
    raw = raw_data([("1", "1", 0)], ["1"])
    with pytest.raises(ValueError, match="step 'rating >= 6' leaves none of the 1 interactions"):
        prepare(raw, MOVIELENS.recipe, "random_users", FilterSettings(minimum_rating=6))
