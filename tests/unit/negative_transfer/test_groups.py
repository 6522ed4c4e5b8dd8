import numpy as np
import pytest

from ilora.negative_transfer.groups import SyntheticGroups, draw_sequences, largest_stride

ITEMS = np.arange(48)


def rules(users: SyntheticGroups) -> np.ndarray:
    """Return the next item of each item, one row per group."""
    return np.stack([users.next_items(np.full(48, group), ITEMS) for group in range(users.groups)])


@pytest.mark.parametrize("groups", [2, 3, 4, 7])
def test_all_groups_agree_at_degree_0_and_none_at_degree_1(groups: int) -> None:
    same = rules(SyntheticGroups(48, groups, 0.0, seed=3))
    assert (same == (ITEMS + largest_stride(groups)) % 48).all()
    different = rules(SyntheticGroups(48, groups, 1.0, seed=3))
    assert all(len(set(column)) == groups for column in different.T.tolist())
    assert not (different == same).any()


def test_two_groups_go_opposite_ways() -> None:
    forwards, backwards = rules(SyntheticGroups(48, 2, 1.0, seed=0))
    assert (forwards == (ITEMS + 1) % 48).all() and (backwards == (ITEMS - 1) % 48).all()


def test_a_larger_degree_adds_contested_items() -> None:
    contested = []
    for degree in (0.25, 0.5, 0.75):
        found = rules(SyntheticGroups(48, 4, degree, seed=5))
        contested.append({item for item in ITEMS.tolist() if len(set(found[:, item].tolist())) > 1})
    assert [len(items) for items in contested] == [12, 24, 36]
    assert contested[0] < contested[1] < contested[2]


def test_sequences_follow_their_groups_rule_and_histories_do_not_tell_the_group() -> None:
    users = SyntheticGroups(48, 4, 0.5, seed=0)
    sequences = draw_sequences(users, 8000, 6, np.random.default_rng(1))
    assert (sequences.targets == users.next_items(sequences.groups, sequences.histories[:, -1])).all()
    assert np.bincount(sequences.groups).tolist() == [2000] * 4
    mean_items = [sequences.histories[sequences.groups == group].mean() for group in range(4)]
    assert np.ptp(mean_items) < 1.0  # the standard error is 0.13
    distances = np.linalg.norm(sequences.representations[:, None] - users.centres()[None], axis=-1)
    assert (distances.argmin(axis=1) == sequences.groups).mean() > 0.999


def test_a_draw_is_a_function_of_its_seed() -> None:
    users = SyntheticGroups(48, 4, 0.5, seed=0)
    one, same, other = (draw_sequences(users, 40, 6, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one.histories == same.histories).all() and (one.representations == same.representations).all()
    assert not (one.histories == other.histories).all()
