"""Single candidate sets: uniform, complete, and dependent only on their own sequence."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilora.data.candidates import draw_candidates, hash_candidates
from ilora.data.sequences import SequenceKey

KEY = SequenceKey("test", "196", 12)


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
        assert chi_squared < 30  # at most 8 degrees of freedom: exceeded by chance once in 5,000 times


@pytest.mark.parametrize(
    ("target", "number_of_items", "size", "problem"),
    [
        (10, 29, 20, "needs 19 items besides the target, but only 18 of the catalogue's 29 are outside .*user '196'"),
        (40, 40, 20, "target is item 40, but the catalogue's items run from 0 to 39"),
        (-1, 40, 20, "target is item -1"),
        (10, 40, 0, "needs at least 1 item, found size 0"),
    ],
)
def test_impossible_sets_are_refused(target: int, number_of_items: int, size: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        draw_candidates(KEY, 0, range(10), target, number_of_items=number_of_items, size=size, seed=0)
