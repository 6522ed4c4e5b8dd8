"""Steps are applied in order, counted and logged; each filter keeps what its name says."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilora.data.filters import (
    keep_core,
    keep_distinct_pairs,
    keep_items_of_users,
    keep_minimum_rating,
    keep_users_with_items,
    sample_items,
    sample_users,
)
from ilora.data.raw import RAW_INTERACTIONS
from ilora.data.steps import PREPARATION_STEPS, Step, StepCount, run_steps, steps_table

Row = tuple[str, str, float | None, int]


def interactions_of(rows: list[Row]) -> pa.Table:
    named = [dict(zip(RAW_INTERACTIONS.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(named, schema=pa.schema([field.with_nullable(True) for field in RAW_INTERACTIONS]))


def pairs_of(interactions: pa.Table) -> set[tuple[str, str]]:
    return set(zip(interactions["raw_user_id"].to_pylist(), interactions["raw_item_id"].to_pylist(), strict=True))


def pairs(text: str) -> pa.Table:
    """Return interactions given as "user item" pairs: "aX aY bX"."""
    return interactions_of([(pair[0], pair[1], None, 0) for pair in text.split()])


def kept(step: Step, interactions: pa.Table) -> str:
    return " ".join(sorted(user + item for user, item in pairs_of(step.apply(interactions))))


def test_steps_run_in_their_order_and_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="ilora.data"):
        result, counts = run_steps(
            pairs("aX aX aY bX bY cX cZ"), [keep_distinct_pairs(), keep_items_of_users(2), keep_users_with_items(2)]
        )
    assert pairs_of(result) == {("a", "X"), ("a", "Y"), ("b", "X"), ("b", "Y")}
    assert counts == [
        StepCount("distinct pairs", 7, 6, 3, 3),
        StepCount("items of >= 2 users", 6, 5, 3, 2),
        StepCount("users with >= 2 items", 5, 4, 2, 2),
    ]
    assert caplog.messages[0] == "distinct pairs: 7 interactions in, 6 out, of 3 users and 3 items"
    table = steps_table(counts)
    assert table.schema == PREPARATION_STEPS
    assert table["rows_out"].to_pylist() == [6, 5, 4]


def test_a_step_that_leaves_nothing_is_named() -> None:
    with pytest.raises(ValueError, match="step 'users with >= 3 items' leaves none of the 2 interactions"):
        run_steps(pairs("aX bX"), [keep_users_with_items(3)])


def test_no_interactions_are_refused() -> None:
    with pytest.raises(ValueError, match="The data set has no interactions"):
        run_steps(interactions_of([]), [])


def test_ratings_at_the_minimum_are_kept_and_missing_ones_refused() -> None:
    rated = interactions_of([("a", "X", 3.0, 0), ("a", "Y", 2.9, 0), ("b", "X", 5.0, 0)])
    assert kept(keep_minimum_rating(3), rated) == "aX bX"
    with pytest.raises(ValueError, match=r"1 of 2 interactions have no rating, so a minimum rating of 3 cannot"):
        keep_minimum_rating(3).apply(interactions_of([("a", "X", 3.0, 0), ("b", "X", None, 0)]))


def test_of_a_repeated_pair_the_earliest_is_kept() -> None:
    repeated = interactions_of([("a", "X", 2.0, 9), ("a", "X", 5.0, 4), ("b", "X", None, 1)])
    assert keep_distinct_pairs().apply(repeated).sort_by("raw_user_id").to_pylist() == [
        {"raw_user_id": "a", "raw_item_id": "X", "rating": 5.0, "timestamp": 4},
        {"raw_user_id": "b", "raw_item_id": "X", "rating": None, "timestamp": 1},
    ]


def test_one_pass_leaves_what_the_core_drops() -> None:
    # Without the rare Z, c has one item and is dropped; then Y has one user left, and without Y, b has one item.
    interactions = pairs("aX aV bX bY cY cZ dX dV")
    once, _ = run_steps(interactions, [keep_items_of_users(2), keep_users_with_items(2)])
    assert " ".join(sorted(user + item for user, item in pairs_of(once))) == "aV aX bX bY dV dX"
    assert kept(keep_core(2, 2), interactions) == "aV aX dV dX"


@given(rows=st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("UVWXYZ")), min_size=1))
def test_in_a_core_both_minima_hold_and_nothing_larger_has_both(rows: set[tuple[str, str]]) -> None:
    expected = set(rows)
    while True:
        users = {user for user, _ in expected if sum(other == user for other, _ in expected) >= 2}
        items = {item for _, item in expected if sum(other == item for _, other in expected) >= 3}
        smaller = {(user, item) for user, item in expected if user in users and item in items}
        if smaller == expected:
            break
        expected = smaller
    interactions = interactions_of([(user, item, None, 0) for user, item in rows])
    assert pairs_of(keep_core(users_per_item=3, items_per_user=2).apply(interactions)) == expected


@pytest.mark.parametrize(("sample", "place"), [(sample_users, 0), (sample_items, 1)])
def test_a_sample_is_about_its_share_and_hangs_on_no_other(sample: Callable[..., Step], place: int) -> None:
    rows = [(f"user {number}", f"item {number}") for number in range(3_000)]
    interactions = interactions_of([(user, item, None, 0) for user, item in rows])
    chosen = pairs_of(sample(1 / 3, seed=0).apply(interactions))
    assert 900 < len(chosen) < 1_100  # 1,000, within 4 standard deviations
    assert chosen != pairs_of(sample(1 / 3, seed=1).apply(interactions))
    few = interactions.slice(0, 100).take(pa.array(range(99, -1, -1)))
    assert pairs_of(sample(1 / 3, seed=0).apply(few)) == {row for row in rows[:100] if row in chosen}


def test_distinct_pairs_stay_in_the_order_of_their_first_rows() -> None:
    users = [str(7 * place % 100) for place in range(100)]
    rows = [
        {"raw_user_id": user, "raw_item_id": "X", "rating": None, "timestamp": 1} for user in [*users, *reversed(users)]
    ]
    kept = keep_distinct_pairs().apply(pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS))
    assert kept["raw_user_id"].to_pylist() == users
