import dataclasses

import numpy as np
import pytest

from ilora.feedback.users import Relevance, SimulatedUsers, group_sizes
from ilora.negative_transfer.groups import SyntheticGroups

ITEMS, GROUPS = 48, 4
USERS = SimulatedUsers(
    rules=SyntheticGroups(ITEMS, GROUPS, 0.5, seed=3),
    group_sizes=(4, 3, 2, 1),
    history=3,
    relevance=Relevance(0.8, 0.02),
    drift=0.0,
    seed=3,
)


def rules(users: SimulatedUsers, number: int) -> np.ndarray:
    """Return each group's preferred next item after each item in a round, int64 [groups, items]."""
    return np.stack([users.next_items(number, np.full(ITEMS, group), np.arange(ITEMS)) for group in range(GROUPS)])


def test_without_drift_users_are_those_of_the_study_of_negative_transfer() -> None:
    old = [USERS.rules.next_items(np.full(ITEMS, group), np.arange(ITEMS)) for group in range(GROUPS)]
    for number in (0, 1, 7):
        assert (rules(USERS, number) == old).all()
        visits = USERS.visits(number)
        assert (visits.targets == USERS.rules.next_items(visits.groups, visits.histories[:, -1])).all()


def test_an_item_that_turns_every_round_is_back_after_as_many_as_there_are_groups() -> None:
    users = dataclasses.replace(USERS, drift=1.0)
    before, after = rules(users, 0), rules(users, 1)
    assert (after == np.roll(before, -1, axis=0)).all()  # each group by the next one's rule
    assert (rules(users, GROUPS) == before).all()
    contested = (before != before[0]).any(axis=0)
    assert contested.sum() == ITEMS / 2 and (after != before).any(axis=0).tolist() == contested.tolist()


def test_items_turn_at_the_rate_of_the_drift() -> None:
    users = dataclasses.replace(USERS, rules=SyntheticGroups(20_000, GROUPS, 0.5, seed=3), drift=0.1)
    turned = [users.turns(number) for number in range(4)]
    assert (turned[0] == 0).all()
    for number, turns in enumerate(turned):
        # Binomial; the standard error is at most 0.0035.
        assert (turns == 0).mean() == pytest.approx(0.9**number, abs=0.015)
    assert all(((later - earlier) >= 0).all() for earlier, later in zip(turned, turned[1:], strict=False))


def test_groups_have_their_shares_of_the_users() -> None:
    assert group_sizes(2000, (0.4, 0.3, 0.2, 0.1)) == (800, 600, 400, 200)
    assert group_sizes(7, (0.5, 0.5)) == (4, 3)
    assert np.bincount(USERS.groups).tolist() == [4, 3, 2, 1]


def test_a_user_likes_the_item_of_the_rule_most() -> None:
    visits = USERS.visits(2)
    relevance = USERS.relevance_of_items(visits)
    assert (relevance.argmax(axis=1) == visits.targets).all()
    assert relevance.sum(axis=1) == pytest.approx(0.8 + (ITEMS - 1) * 0.02)


def test_a_users_group_and_representation_stay_and_histories_do_not() -> None:
    one, same, later = USERS.visits(1), USERS.visits(1), USERS.visits(2)
    assert (one.histories == same.histories).all() and not (one.histories == later.histories).all()
    assert (one.representations == later.representations).all() and (one.groups == later.groups).all()
    other = dataclasses.replace(USERS, seed=4).visits(1)
    assert not (one.histories == other.histories).all()
