"""The protocol released: its users, its order and its candidates, on MovieLens-100K and on made-up data."""

import hashlib
import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from ilora.data.protocols import PreparedData, draw_candidate_sets, make_sequences, prepare
from ilora.data.raw import RAW_ITEMS
from ilora.data.recipes import FilterSettings
from ilora.data.released_order import introsort
from ilora.data.splits import hold_out_users, split_as_named
from ilora.datasets.declaration import Dataset
from ilora.datasets.lastfm import DATASET as LASTFM
from ilora.datasets.movielens import DATASET as MOVIELENS
from ilora.datasets.released_facts import released_items
from ilora.datasets.steam import DATASET as STEAM

#: A folder with LastFM's raw files, if available.
LASTFM_FOLDER = os.environ.get("LASTFM_FOLDER")


def sequences_of(dataset: Dataset, prepared: PreparedData) -> pa.Table:
    return make_sequences(
        prepared.interactions,
        "released",
        split_seed=0,
        minimum_history=3,
        maximum_history=10,
        released_split=dataset.split_of("released"),
    )


def windows(sequences: pa.Table) -> dict[str, int]:
    return dict(Counter(sequences["split"].to_pylist()))


@pytest.fixture(scope="module")
def movielens() -> PreparedData:
    settings = FilterSettings(minimum_rating=3.0)
    return prepare(MOVIELENS.read("recbole"), MOVIELENS.recipe_of("released"), "released", settings)


def test_movielens_has_the_released_rows(movielens: PreparedData) -> None:
    assert windows(sequences_of(MOVIELENS, movielens)) == {"train": 66_127, "val": 94, "test": 95}


def test_the_order_of_all_users_of_movielens_is_the_released_one(movielens: PreparedData) -> None:
    users, items = (movielens.interactions[name].to_pylist() for name in ("raw_user_id", "raw_item_id"))
    assert len(set(users)) == 943
    order = "\n".join(f"{user} {item}" for user, item in zip(users, items, strict=True))
    assert (
        hashlib.sha256(order.encode()).hexdigest() == "9ebdb1b1ca97498bfc4685b297a2cb971c33ed250f85e2bcf0f064d70fd4d093"
    )


def test_movielens_draws_from_films_that_nobody_rated_so_highly(movielens: PreparedData) -> None:
    assert movielens.items["raw_id"].to_pylist() == [str(number) for number in range(1, 1_683)]
    occurring = set(movielens.interactions["item_id"].to_pylist())
    assert len(occurring) == 1_574
    sequences = sequences_of(MOVIELENS, movielens)
    sets = draw_candidate_sets(
        sequences, movielens.interactions, "released", number_of_items=1_682, size=20, draws=20, seed=0
    )["candidates"].to_pylist()
    with_unrated = sum(not occurring.issuperset(candidates) for candidates in sets)
    assert with_unrated / len(sets) == pytest.approx(0.72, abs=0.03)


@pytest.mark.skipif(LASTFM_FOLDER is None, reason="needs LASTFM_FOLDER, a folder with LastFM's raw files")
def test_lastfm_has_the_released_rows() -> None:
    prepared = prepare(LASTFM.read(str(LASTFM_FOLDER)), LASTFM.recipe_of("released"), "released", FilterSettings())
    assert prepared.items.num_rows == 4_606
    assert windows(sequences_of(LASTFM, prepared)) == {"train": 47_872, "val": 122, "test": 122}


@pytest.mark.parametrize(("name", "sizes"), [("movielens", (94, 95)), ("lastfm", (122, 122))])
def test_the_shipped_users_are_as_many_as_were_released(name: str, sizes: tuple[int, int], repository: Path) -> None:
    text = (repository / f"workflow_scripts/ilora/datasets/released/{name}_users.csv").read_text(encoding="utf-8")
    splits = Counter(line.partition(",")[2] for line in text.splitlines() if line[0].isdigit())
    assert (splits["val"], splits["test"]) == sizes and len(splits) == 2


def test_steam_keeps_the_released_games_in_the_order_of_its_file() -> None:
    games = released_items("steam_games.csv")
    assert len(set(games)) == len(games) == 3_581
    catalogue = STEAM.recipe_of("released").catalogue
    assert catalogue is not None and STEAM.split_of("released") is None
    described = pa.Table.from_pylist(
        [{"raw_id": raw_id, "title": raw_id, "metadata": "{}"} for raw_id in ["x", *games, "y"]], schema=RAW_ITEMS
    )
    assert catalogue(described)["raw_id"].to_pylist() == games
    with pytest.raises(ValueError, match=r"steam_games\.json\.gz does not describe 1 of the 3581 released games"):
        catalogue(described.slice(0, 3_581))


@pytest.mark.parametrize("length", [0, 1, 16])
def test_up_to_16_equal_keys_stay_in_their_order(length: int) -> None:
    assert introsort([7] * length) == list(range(length))


def test_longer_runs_of_equal_keys_are_left_as_the_swaps_leave_them() -> None:
    # The median, 8, and 15 change places; then places 1 and 14, 2 and 13, ..., 7 and 8; then the pivot, at 15, comes to
    # where the cursors met, 8. So NumPy's own leaves them, without vector instructions.
    assert introsort([7] * 17) == [0, 14, 13, 12, 11, 10, 9, 15, 8, 6, 5, 4, 3, 2, 1, 7, 16]


def test_other_keys_are_sorted() -> None:
    keys = [(number * 7_919) % 101 for number in range(500)]
    order = introsort(keys)
    assert sorted(order) == list(range(500))
    assert [keys[place] for place in order] == sorted(keys)


def test_held_out_users_are_found_or_missed_by_name() -> None:
    users = ["1", "2", "3"]
    assert hold_out_users(users, {"2": "val", "3": "test"}) == {"1": "train", "2": "val", "3": "test"}
    with pytest.raises(
        ValueError, match="1 of the 3 validation and test users .* such as user 9: these are not the data"
    ):
        hold_out_users(users, {"2": "val", "3": "test", "9": "test"})
    with pytest.raises(ValueError, match="found no user in the split 'train'"):
        hold_out_users(["2", "3"], {"2": "val", "3": "test"})


def test_named_users_are_split_as_named() -> None:
    named = {"a": "test", "b": "train", "c": "val", "not here": "train"}
    assert split_as_named(["c", "a", "b", "a"], named, "splits.csv") == {"c": "val", "a": "test", "b": "train"}
    with pytest.raises(ValueError, match=r"splits\.csv: found no split for 2 of the 5 users, such as 'd'; expected"):
        split_as_named(["a", "b", "c", "d", "e"], named, "splits.csv")
    with pytest.raises(ValueError, match=r"splits\.csv: found no user in the split 'val' \(\{'train': 1"):
        split_as_named(["a", "b"], named, "splits.csv")
