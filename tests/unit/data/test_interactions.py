"""The steps between raw ratings and interactions."""

import pyarrow as pa
import pytest

from ilora.data.interactions import describe_items, number_users_and_items, numeric_order
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS


def raw_interactions(pairs: list[tuple[str, str]]) -> pa.Table:
    rows = [{"raw_user_id": user, "raw_item_id": item, "rating": 5.0, "timestamp": 0} for user, item in pairs]
    return pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS)


def test_ids_follow_the_numeric_order_of_raw_ids() -> None:
    numbered = number_users_and_items(raw_interactions([("10", "b"), ("9", "100"), ("10", "20")]))
    assert numbered["user_id"].to_pylist() == [1, 0, 1]
    assert numbered["item_id"].to_pylist() == [2, 1, 0]
    assert sorted(["b", "10", "9", "a"], key=numeric_order) == ["9", "10", "a", "b"]


def test_an_item_without_a_description_is_named() -> None:
    items = pa.Table.from_pylist([{"raw_id": "1", "title": "A", "metadata": "{}"}], schema=RAW_ITEMS)
    numbered = number_users_and_items(raw_interactions([("1", "1"), ("1", "7")]))
    with pytest.raises(ValueError, match=r"1 items occur.*e\.g\. raw id 7"):
        describe_items(numbered, items)
