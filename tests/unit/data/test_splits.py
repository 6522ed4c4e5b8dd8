"""Users are split 8:1:1, whole, and by nothing but the seed and their raw ids."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilora.data.splits import SPLITS, split_users


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
