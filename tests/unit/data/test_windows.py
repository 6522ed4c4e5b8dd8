"""Histories and targets of single users."""

import pyarrow as pa
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.windows import cut_windows

SPLIT_OF_USER = {"0": "train", "1": "val", "2": "test"}


def interactions_of(items_of_users: list[tuple[int, list[int]]]) -> pa.Table:
    rows = [
        {
            "user_id": user,
            "item_id": item,
            "timestamp": time,
            "raw_user_id": str(user),
            "raw_item_id": str(item),
        }
        for user, items in items_of_users
        for time, item in enumerate(items)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def test_training_users_give_every_window_and_others_their_last() -> None:
    interactions = interactions_of([(0, [1, 2, 3, 4]), (1, [5, 6, 7, 8]), (2, [4, 3, 2])])
    windows = cut_windows(interactions, SPLIT_OF_USER, minimum_history=2, maximum_history=2).to_pylist()
    assert [(row["split"], row["user_id"], row["history"], row["target"]) for row in windows] == [
        ("train", 0, [1, 2], 3),
        ("train", 0, [2, 3], 4),
        ("val", 1, [6, 7], 8),
        ("test", 2, [4, 3], 2),
    ]


def test_a_split_without_a_window_is_refused() -> None:
    interactions = interactions_of([(0, [1, 2, 3, 4]), (1, [5, 6]), (2, [4, 3, 2])])
    with pytest.raises(ValueError, match=r"split 'val' has enough history.*longest sequence has 2 items"):
        cut_windows(interactions, SPLIT_OF_USER, minimum_history=2, maximum_history=2)


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 10), (4, 3)])
def test_impossible_bounds_are_refused(minimum: int, maximum: int) -> None:
    with pytest.raises(ValueError, match=f"found {minimum} and {maximum}"):
        cut_windows(interactions_of([(0, [1, 2])]), SPLIT_OF_USER, minimum_history=minimum, maximum_history=maximum)


def test_scattered_users_are_refused() -> None:
    interactions = interactions_of([(0, [1, 2, 3, 4]), (1, [5, 6, 7]), (0, [5])])
    with pytest.raises(ValueError, match="rows of a user are not together"):
        cut_windows(interactions, SPLIT_OF_USER, minimum_history=2, maximum_history=10)
