"""Dense ids, orders and the items that occur."""

import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.interactions import (
    describe_items,
    number_in_catalogue_order,
    number_numerically,
    numeric_order,
    order_by_item_id,
    order_by_time,
    share_timestamp,
)
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS


def raw_interactions(rows: list[tuple[str, str, int]]) -> pa.Table:
    named = [{"raw_user_id": user, "raw_item_id": item, "rating": 5.0, "timestamp": time} for user, item, time in rows]
    return pa.Table.from_pylist(named, schema=RAW_INTERACTIONS)


def raw_items(raw_ids: list[str]) -> pa.Table:
    rows = [{"raw_id": raw_id, "title": f"Title {raw_id}", "metadata": "{}"} for raw_id in raw_ids]
    return pa.Table.from_pylist(rows, schema=RAW_ITEMS)


UNORDERED = raw_interactions([("10", "b", 3), ("9", "100", 1), ("10", "20", 3), ("10", "100", 1)])


def test_ids_follow_the_numeric_order_of_raw_ids() -> None:
    numbered = number_numerically().apply(UNORDERED)
    assert numbered.schema == INTERACTIONS
    assert numbered["user_id"].to_pylist() == [1, 0, 1, 1]
    assert numbered["item_id"].to_pylist() == [2, 1, 0, 1]
    assert sorted(["b", "10", "9", "a"], key=numeric_order) == ["9", "10", "a", "b"]


def test_items_can_be_numbered_in_the_order_of_the_catalogue() -> None:
    numbered = number_in_catalogue_order(raw_items(["b", "unused", "100", "20"])).apply(UNORDERED)
    assert numbered["user_id"].to_pylist() == [1, 0, 1, 1]
    assert numbered["item_id"].to_pylist() == [0, 1, 2, 1]


def order_of(interactions: pa.Table) -> list[tuple[str, str]]:
    return list(zip(interactions["raw_user_id"].to_pylist(), interactions["raw_item_id"].to_pylist(), strict=True))


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 2, 1, 0]])
def test_ties_are_broken_by_a_hash(rows: list[int]) -> None:
    numbered = number_numerically().apply(UNORDERED).take(pa.array(rows))
    # The order of this pair by hash; over all of MovieLens-100K the hash favours neither (test_random_users.py).
    assert order_of(order_by_time().apply(numbered)) == [("9", "100"), ("10", "100"), ("10", "b"), ("10", "20")]


def test_the_order_by_item_id_ignores_time() -> None:
    ordered = order_by_item_id().apply(number_numerically().apply(UNORDERED))
    assert ordered["user_id"].to_pylist() == [0, 1, 1, 1]
    assert ordered["item_id"].to_pylist() == [1, 0, 1, 2]


def test_shared_timestamps_are_those_of_one_user() -> None:
    assert share_timestamp(number_numerically().apply(UNORDERED)).tolist() == [True, False, True, False]


def test_items_that_occur_are_described_in_the_order_of_their_ids() -> None:
    numbered = number_in_catalogue_order(raw_items(["b", "100", "20"])).apply(UNORDERED)
    items = describe_items(numbered, raw_items(["unused", "100", "20", "b"]))
    assert items["title"].to_pylist() == ["Title b", "Title 100", "Title 20"]
    assert np.array_equal(items["item_id"].to_numpy(), np.arange(3))


def test_an_item_without_a_description_is_named() -> None:
    numbered = number_numerically().apply(UNORDERED)
    with pytest.raises(ValueError, match=r"2 items occur.*e\.g\. raw id 20"):
        describe_items(numbered, raw_items(["b"]))
    with pytest.raises(ValueError, match=r"1 items occur.*e\.g\. raw id 20"):
        number_in_catalogue_order(raw_items(["b", "100"])).apply(UNORDERED)
