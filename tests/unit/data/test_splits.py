"""Whole users are split 8:1:1 by the seed and their raw ids alone; or each user's last two items are held out."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.splits import NO_SPLIT, SPLITS, split_by_user, split_leaving_one_out, split_users


@pytest.mark.parametrize(("users", "sizes"), [(943, (754, 94, 95)), (1_220, (976, 122, 122))])
def test_sizes_are_the_published_ones(users: int, sizes: tuple[int, int, int]) -> None:
    counts = Counter(split_users(map(str, range(users)), seed=0).values())
    assert tuple(counts[split] for split in SPLITS) == sizes


@given(users=st.sets(st.text(min_size=1, max_size=5), min_size=10, max_size=40), seed=st.integers(0, 2**31))
def test_every_user_is_in_one_split_whatever_the_order(users: set[str], seed: int) -> None:
    split = split_users(sorted(users), seed)
    assert split.keys() == users
    assert split == split_users(sorted(users, reverse=True), seed)


def test_the_seed_changes_the_split() -> None:
    users = [str(user) for user in range(100)]
    assert split_users(users, seed=0) != split_users(users, seed=1)


def test_too_few_users_are_refused() -> None:
    with pytest.raises(ValueError, match="5 users are too few to split 8:1:1"):
        split_users(map(str, range(5)), seed=0)


def interactions_of(lengths: dict[str, int]) -> pa.Table:
    rows = [
        {"user_id": place, "item_id": item, "timestamp": item, "raw_user_id": user, "raw_item_id": str(item)}
        for place, (user, length) in enumerate(lengths.items())
        for item in range(length)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def test_all_targets_of_training_users_and_the_last_of_others() -> None:
    split = split_by_user(interactions_of({"b": 3, "a": 2, "c": 1}), {"a": "val", "b": "train", "c": "test"})
    assert split.tolist() == [0, 0, 0, NO_SPLIT, 1, 2]


def test_the_last_target_is_test_and_the_one_before_it_val() -> None:
    split = split_leaving_one_out(interactions_of({"long": 4, "short": 2, "single": 1}))
    assert split.tolist() == [0, 0, 1, 2, 1, 2, 2]
