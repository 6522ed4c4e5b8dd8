"""The candidate sets of a data set equal those drawn one by one, for any catalogue and any other users."""

import hashlib
from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilora.artifacts.schemas import CANDIDATES, INTERACTIONS, SEQUENCES
from ilora.benchmarks.sequences import made_up_log
from ilora.data import candidate_tables
from ilora.data.candidate_tables import Exclusion, candidates_table
from ilora.data.candidates import draw_candidates, hash_candidates
from ilora.data.protocols import draw_candidate_sets, make_sequences, prepare
from ilora.data.recipes import FilterSettings
from ilora.data.sequences import SequenceKey
from ilora.datasets.movielens import DATASET as MOVIELENS


@dataclass(frozen=True)
class User:
    """A user with a sequence of items, whose last is a target."""

    name: str
    items: list[int]
    split: str = "test"


def tables_of(users: list[User], number_of_items: int) -> tuple[pa.Table, pa.Table]:
    """Return sequences with histories of at most 3 items, and interactions; one more user has the last item."""
    users = [*users, User("has the last item", [number_of_items - 1], "none")]
    interactions = [
        {"user_id": place, "item_id": item, "timestamp": 0, "raw_user_id": user.name, "raw_item_id": str(item)}
        for place, user in enumerate(users)
        for item in user.items
    ]
    sequences = [
        {
            "sequence_id": place,
            "split": user.split,
            "user_id": place,
            "raw_user_id": user.name,
            "position": len(user.items) - 1,
            "history": user.items[-4:-1],
            "target": user.items[-1],
        }
        for place, user in enumerate(users[:-1])
    ]
    return (
        pa.Table.from_pylist(sequences, schema=SEQUENCES),
        pa.Table.from_pylist(interactions, schema=INTERACTIONS),
    )


def sets_of(
    users: list[User], number_of_items: int, exclusion: Exclusion = "history", size: int = 20, draws: int = 2
) -> dict[str, list[tuple[list[int], str]]]:
    """Return each user's sets and their hashes, in the order of the draws."""
    sequences, interactions = tables_of(users, number_of_items)
    table = candidates_table(
        sequences,
        interactions,
        number_of_items=number_of_items,
        exclusion=exclusion,
        size=size,
        draws=draws,
        seed=7,
    )
    sets: dict[str, list[tuple[list[int], str]]] = {}
    for row in table.to_pylist():
        sets.setdefault(users[row["sequence_id"]].name, []).append((row["candidates"], row["hash"]))
    return sets


def users_strategy(number_of_items: int) -> st.SearchStrategy[list[User]]:
    items = st.lists(st.integers(0, number_of_items - 1), min_size=2, max_size=15, unique=True)
    names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3)
    user = st.builds(User, names, items, st.sampled_from(["val", "test"]))
    return st.lists(user, min_size=1, max_size=6, unique_by=lambda user: user.name)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    number_of_items=st.sampled_from([36, 60, 1_000, 100_000]),
    size=st.sampled_from([1, 2, 19, 20, 33]),
    exclusion=st.sampled_from(["history", "whole_sequence"]),
)
def test_the_table_holds_what_is_drawn_one_by_one(
    data: st.DataObject, number_of_items: int, size: int, exclusion: Exclusion
) -> None:
    users = data.draw(users_strategy(number_of_items))
    if number_of_items == 36:
        size = min(size, 20)
    sets = sets_of(users, number_of_items, exclusion, size)
    for user in users:
        key = SequenceKey(user.split, user.name, len(user.items) - 1)
        excluded = user.items[-4:-1] if exclusion == "history" else user.items
        for draw, (candidates, digest) in enumerate(sets[user.name]):
            assert candidates == draw_candidates(
                key, draw, excluded, user.items[-1], number_of_items=number_of_items, size=size, seed=7
            )
            assert digest == hash_candidates(key, draw, candidates)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), exclusion=st.sampled_from(["history", "whole_sequence"]))
def test_sets_are_valid_and_other_users_do_not_change_them(data: st.DataObject, exclusion: Exclusion) -> None:
    users = data.draw(users_strategy(45))
    sets = sets_of(users, 45, exclusion)
    for user in users:
        excluded = set(user.items[-4:-1] if exclusion == "history" else user.items[:-1])
        for candidates, _ in sets[user.name]:
            assert len(candidates) == len(set(candidates)) == 20
            assert candidates.count(user.items[-1]) == 1
            assert not excluded & set(candidates)
    fewer = data.draw(st.permutations(users))[: data.draw(st.integers(1, len(users)))]
    newcomer = User("a newcomer", [1, 2, 3, 4])
    assert {name: found for name, found in sets_of([newcomer, *fewer], 45, exclusion).items() if name in sets} == {
        user.name: sets[user.name] for user in fewer
    }


def test_how_the_work_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [User(str(number), [number, number + 1, number + 7, number + 3]) for number in range(30)]
    whole = sets_of(users, 60, "whole_sequence")
    monkeypatch.setattr(candidate_tables, "_SETS_AT_ONCE", 7)
    assert sets_of(users, 60, "whole_sequence") == whole


def test_who_has_many_items_gets_the_same_sets_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [User(str(number), list(range(number, 2 * number + 5))) for number in range(20)]
    whole = sets_of(users, 60, "whole_sequence")
    monkeypatch.setattr(candidate_tables, "_LONGEST_COMPARED", 9)
    assert sets_of(users, 60, "whole_sequence") == whole


def test_the_table_has_every_draw_of_val_and_test_only() -> None:
    users = [User("1", [1, 2], "train"), User("2", [3, 4], "val"), User("3", [5, 6], "test")]
    table = candidates_table(*tables_of(users, 60), number_of_items=60, exclusion="history", size=20, draws=2, seed=0)
    assert table.schema == CANDIDATES
    identities = [(row["sequence_id"], row["draw"]) for row in table.to_pylist()]
    assert identities == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert len(set(table["hash"].to_pylist())) == 4


def test_the_frozen_sets_of_movielens_stay_what_they_were() -> None:
    """All published comparisons depend on these bytes."""
    prepared = prepare(MOVIELENS.read("recbole"), MOVIELENS.recipe, "random_users", FilterSettings(minimum_rating=3.0))
    sequences = make_sequences(
        prepared.interactions, "random_users", split_seed=0, minimum_history=3, maximum_history=10
    )
    table = draw_candidate_sets(
        sequences, prepared.interactions, "random_users", number_of_items=1_574, size=20, draws=10, seed=0
    )
    assert table.num_rows == (94 + 95) * 10
    first = table.slice(0, 1).to_pylist()[0]
    assert first["candidates"][:5] == [604, 385, 552, 46, 1381]
    digest = hashlib.sha256("".join(table["hash"].to_pylist()).encode()).hexdigest()
    assert digest == "0eb995e09a03e7900483ea59166a670108f884ae937c3c9f932b4d3ddbf346b1"


@pytest.mark.parametrize(
    ("users", "items_per_user", "items", "protocol", "expected"),
    [
        (300, 20, 100_000, "chronological", "773460ec5c4f8a824f23a7588c25ff9563e049ed75c50c16cd9baa29ad5d25fd"),
        (300, 20, 100_000, "random_users", "2c342c49db9c856e597fd5c28ccdc455f7a06c01620c4f00510a58a639f08136"),
        (300, 60, 400, "chronological", "10a9f05c56d278ee2e8f0ca89a25579a73e00aed8bfa40aa2e0757dc4d90af6e"),
    ],
)
def test_the_frozen_sets_of_synthetic_logs_stay_what_they_were(
    users: int, items_per_user: int, items: int, protocol: str, expected: str
) -> None:
    """Large and small catalogues: the digests are those of sets drawn one by one."""
    log = made_up_log(users, items_per_user, items)
    sequences = make_sequences(log, protocol, split_seed=0, minimum_history=3, maximum_history=10)
    table = draw_candidate_sets(sequences, log, protocol, number_of_items=items, size=20, draws=3, seed=0)
    assert hashlib.sha256("".join(table["hash"].to_pylist()).encode()).hexdigest() == expected


@pytest.mark.parametrize(
    ("column", "value"), [("target", 4), ("position", 9), ("user_id", 7)], ids=["target", "position", "user"]
)
def test_sequences_of_other_interactions_are_refused(column: str, value: int) -> None:
    sequences, interactions = tables_of([User("a", [1, 2, 3])], 40)
    (row,) = sequences.to_pylist()
    altered = pa.Table.from_pylist([{**row, column: value}], schema=SEQUENCES)
    with pytest.raises(ValueError, match=r"User \d has a sequence with target .* made from other interactions"):
        candidates_table(altered, interactions, number_of_items=40, exclusion="history", size=20, draws=1, seed=0)


def test_items_that_do_not_occur_are_drawn_too() -> None:
    sequences, interactions = tables_of([User("a", [1, 2, 3])], 4)
    table = candidates_table(sequences, interactions, number_of_items=22, exclusion="history", size=20, draws=1, seed=0)
    assert sorted(table["candidates"][0].as_py()) == [0, *range(3, 22)]


def test_a_catalogue_that_lacks_an_item_is_refused() -> None:
    tables = tables_of([User("a", [1, 2, 3])], 40)
    with pytest.raises(ValueError, match=r"contain item 39, but the catalogue's items run from 0 to 38"):
        candidates_table(*tables, number_of_items=39, exclusion="history", size=20, draws=1, seed=0)


def test_too_small_a_catalogue_is_refused_with_the_user() -> None:
    with pytest.raises(ValueError, match=r"needs 19 items .* only 18 of the catalogue's 22 .* of user 'eager'"):
        sets_of([User("eager", [1, 2, 3, 4])], 22, "history")


@pytest.mark.parametrize(
    ("size", "draws", "problem"), [(0, 1, "found size 0"), (20, 0, "1 draw of candidates, found 0")]
)
def test_impossible_settings_are_refused(size: int, draws: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        sets_of([User("1", [1, 2])], 60, "history", size, draws)
