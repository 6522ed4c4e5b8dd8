"""Histories and targets of single users."""

import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data import windows
from ilora.data.splits import NO_SPLIT, SPLITS
from ilora.data.windows import cut_windows


def interactions_of(items_of_users: list[tuple[int, list[int]]]) -> pa.Table:
    rows = [
        {"user_id": user, "item_id": item, "timestamp": time, "raw_user_id": str(user), "raw_item_id": str(item)}
        for user, items in items_of_users
        for time, item in enumerate(items)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def splits_of(names: str) -> np.ndarray:
    """Return the split of each target, given as letters: t(rain), v(al), T(est) or - for none."""
    codes = {"t": 0, "v": 1, "T": 2, "-": NO_SPLIT}
    return np.array([codes[name] for name in names], dtype=np.int8)


INTERACTED = interactions_of([(0, [1, 2, 3, 4]), (1, [5, 6, 7, 8]), (2, [4, 3, 2])])


def cut(split_of_target: np.ndarray, minimum: int = 2, maximum: int = 2) -> list[tuple[str, int, list[int], int]]:
    table = cut_windows(INTERACTED, split_of_target, minimum_history=minimum, maximum_history=maximum)
    return [(row["split"], row["user_id"], row["history"], row["target"]) for row in table.to_pylist()]


def test_each_target_has_the_items_before_it() -> None:
    assert cut(splits_of("tttt---v--T")) == [
        ("train", 0, [1, 2], 3),
        ("train", 0, [2, 3], 4),
        ("val", 1, [6, 7], 8),
        ("test", 2, [4, 3], 2),
    ]


def test_each_target_keeps_its_user_and_its_place() -> None:
    table = cut_windows(INTERACTED, splits_of("tttt---v--T"), minimum_history=2, maximum_history=2)
    assert table["raw_user_id"].to_pylist() == ["0", "0", "1", "2"]
    assert table["position"].to_pylist() == [2, 3, 3, 2]


def test_short_histories_are_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="ilora.data"):
        found = cut(splits_of("ttvTttvTtvT"), minimum=1, maximum=10)
    assert ("val", 2, [4], 3) in found
    assert caplog.messages == [
        "windows, train: 5 targets in, 2 windows out",
        "windows, val: 3 targets in, 3 windows out",
        "windows, test: 3 targets in, 3 windows out",
    ]


def test_a_log_cut_in_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cut(splits_of("tttt---v--T"), minimum=1)
    monkeypatch.setattr(windows, "_WINDOWS_PER_CHUNK", 1)
    assert cut(splits_of("tttt---v--T"), minimum=1) == whole


def test_a_split_without_a_window_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"No target of the split 'val' has 2 items .*the longest history of 1 targets has 1"
    ):
        cut(splits_of("tttt-v----T"))


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 10), (4, 3)])
def test_impossible_bounds_are_refused(minimum: int, maximum: int) -> None:
    with pytest.raises(ValueError, match=f"found {minimum} and {maximum}"):
        cut(splits_of("tttt---v--T"), minimum, maximum)


def test_scattered_users_are_refused() -> None:
    interactions = interactions_of([(0, [1, 2, 3, 4]), (1, [5, 6, 7]), (0, [5])])
    with pytest.raises(ValueError, match="rows of a user are not contiguous"):
        cut_windows(interactions, np.zeros(8, dtype=np.int8), minimum_history=2, maximum_history=10)


def test_an_item_twice_is_refused() -> None:
    interactions = interactions_of([(0, [1, 2, 3, 4]), (1, [5, 6, 5])])
    with pytest.raises(ValueError, match="User 1 has item 5 twice"):
        cut_windows(interactions, np.zeros(7, dtype=np.int8), minimum_history=1, maximum_history=10)


def test_splits_are_numbered_in_their_order() -> None:
    assert SPLITS == ("train", "val", "test")
