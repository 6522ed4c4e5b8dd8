"""Candidate sets: fair, complete, and dependent on nothing but their own sequence."""

from collections import Counter
from time import perf_counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilora.artifacts.schemas import CANDIDATES
from ilora.data.candidates import candidates_table, draw_candidates, hash_candidates
from ilora.data.sequences import SequenceKey, SequenceTable

KEY = SequenceKey("test", "196", 12)


def table_of(raw_users: list[str], number_of_items: int = 60) -> SequenceTable:
    """Return one sequence for each of the users, of which only "first" trains."""
    keys = [SequenceKey("train" if user == "first" else "test", user, 4) for user in raw_users]
    return SequenceTable(
        keys=keys,
        user_ids=np.arange(len(keys), dtype=np.int32),
        histories=[[1, 2, 3, 4] for _ in keys],
        targets=np.full(len(keys), 5, dtype=np.int32),
        number_of_items=number_of_items,
    )


@given(
    history=st.sets(st.integers(0, 39), max_size=10),
    target=st.integers(0, 39),
    size=st.integers(1, 20),
    draw=st.integers(0, 5),
    seed=st.integers(0, 2**31),
)
def test_candidates_are_different_hold_the_target_and_avoid_the_history(
    history: set[int], target: int, size: int, draw: int, seed: int
) -> None:
    candidates = draw_candidates(KEY, draw, history, target, number_of_items=40, size=size, seed=seed)
    assert len(candidates) == len(set(candidates)) == size
    assert candidates.count(target) == 1
    assert not set(candidates) & (history - {target})
    assert all(0 <= item < 40 for item in candidates)


def test_the_smallest_catalogue_that_suffices_is_used_up() -> None:
    candidates = draw_candidates(KEY, 0, range(10), 10, number_of_items=30, size=20, seed=0)
    assert sorted(candidates) == list(range(10, 30))


def test_every_part_of_the_identity_changes_the_set() -> None:
    def draw(key: SequenceKey = KEY, draw: int = 0, seed: int = 0) -> list[int]:
        return draw_candidates(key, draw, [1, 2, 3], 4, number_of_items=1_000, size=20, seed=seed)

    others = [
        draw(draw=1),
        draw(seed=1),
        draw(SequenceKey("train", "196", 12)),
        draw(SequenceKey("test", "197", 12)),
        draw(SequenceKey("test", "196", 13)),
    ]
    assert draw() == draw()
    assert len({tuple(candidates) for candidates in [draw(), *others]}) == 6


def test_a_set_is_the_same_on_every_machine() -> None:
    candidates = draw_candidates(KEY, 0, [1, 2, 3], 4, number_of_items=1_000, size=5, seed=0)
    assert candidates == [418, 344, 4, 725, 53]
    assert hash_candidates(KEY, 0, candidates) == "996b9440442a72bfaba5d31861d76b2a"


def test_items_and_the_place_of_the_target_are_uniform() -> None:
    draws, size, number_of_items = 6_000, 5, 12
    sets = [
        draw_candidates(KEY, draw, [0, 1], 2, number_of_items=number_of_items, size=size, seed=0)
        for draw in range(draws)
    ]
    for counts, cells, expected in (
        (Counter(candidates.index(2) for candidates in sets), size, draws / size),
        (Counter(item for candidates in sets for item in candidates if item != 2), 9, draws * 4 / 9),
        (Counter(next(item for item in candidates if item != 2) for candidates in sets), 9, draws / 9),
    ):
        assert len(counts) == cells
        chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
        assert chi_squared < 30  # 8 degrees of freedom or fewer: exceeded by chance once in 5,000 times


def test_other_users_do_not_change_a_users_sets() -> None:
    def sets_of(users: list[str], user: str) -> list[tuple[list[int], str]]:
        table = table_of(users)
        rows = candidates_table(table, size=20, draws=3, seed=0).to_pylist()
        return [(row["candidates"], row["hash"]) for row in rows if table.keys[row["sequence_id"]].raw_user_id == user]

    assert len(sets_of(["a", "b"], "b")) == 3
    assert sets_of(["a", "b"], "b") == sets_of(["first", "z", "b", "a"], "b")


def test_the_table_has_every_draw_of_val_and_test_only() -> None:
    table = candidates_table(table_of(["first", "a", "b"]), size=20, draws=2, seed=0)
    assert table.schema == CANDIDATES
    identities = [(row["sequence_id"], row["draw"]) for row in table.to_pylist()]
    assert identities == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert len(set(table["hash"].to_pylist())) == 4
    assert isinstance(table, pa.Table)


def test_drawing_takes_less_than_100_microseconds() -> None:
    started = perf_counter()
    for draw in range(1_000):
        draw_candidates(KEY, draw, range(10), 10, number_of_items=1_574, size=20, seed=0)
    assert (perf_counter() - started) / 1_000 < 100e-6


@pytest.mark.parametrize(
    ("target", "number_of_items", "size", "problem"),
    [
        (10, 29, 20, "needs 19 items besides the target, but only 18 of the catalogue's 29 are outside"),
        (40, 40, 20, "target is item 40, but the catalogue's items run from 0 to 39"),
        (-1, 40, 20, "target is item -1"),
        (10, 40, 0, "needs at least 1 item, found size 0"),
    ],
)
def test_impossible_sets_are_refused(target: int, number_of_items: int, size: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        draw_candidates(KEY, 0, range(10), target, number_of_items=number_of_items, size=size, seed=0)


def test_no_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 draw of candidates, found 0"):
        candidates_table(table_of(["a"]), size=20, draws=0, seed=0)
