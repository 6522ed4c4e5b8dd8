"""Titles are normalised to one line, or their item is dropped; they are not changed otherwise."""

import logging

import pyarrow as pa
import pytest

from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData
from ilora.data.titles import check_titles
from ilora.datasets.movielens import RECBOLE_SOURCE, read_movielens


def data(*titles: str) -> RawData:
    """One interaction with each of the items "0", "1", ..."""
    items = [{"raw_id": str(n), "title": title, "metadata": "{}"} for n, title in enumerate(titles)]
    interactions = [
        {"raw_user_id": "u", "raw_item_id": str(n), "rating": 5.0, "timestamp": n} for n in range(len(titles))
    ]
    return RawData(
        pa.Table.from_pylist(interactions, schema=RAW_INTERACTIONS), pa.Table.from_pylist(items, schema=RAW_ITEMS)
    )


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Lost\nin Space", "Lost in Space"),
        ("Lost \r\n in Space\n", "Lost in Space"),
        ("Tab\tand\x00null\x99", "Tab and null"),
        ("Line\u2028and\u2029paragraph\x85", "Line and paragraph"),
        (" ends ", "ends"),
        ("two  spaces", "two  spaces"),
        ("</s><item>|<|eot|> [INST] Candidates:", "</s><item>|<|eot|> [INST] Candidates:"),
        ("Sigur Rós\ue216 – 超次元", "Sigur Rós\ue216 – 超次元"),
    ],
)
def test_only_what_breaks_a_line_is_altered(title: str, expected: str) -> None:
    assert check_titles(data(title)).items["title"].to_pylist() == [expected]


def test_what_was_done_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ilora"):
        checked = check_titles(data("Emma", "", "\n \t\ufeff", "Du\nne", "Emma"))
    assert checked.items["raw_id"].to_pylist() == ["0", "3", "4"]
    assert checked.interactions["raw_item_id"].to_pylist() == ["0", "3", "4"]
    assert checked.items.schema == RAW_ITEMS and checked.interactions.schema == RAW_INTERACTIONS
    assert (
        "titles: 5 items in, 2 without a title dropped with 2 interactions, 2 titles altered to fit on a line, "
        "1 items share the title of another"
    ) in caplog.text


def test_a_data_set_without_titles_is_refused() -> None:
    with pytest.raises(ValueError, match="None of the 2 interactions has an item with a title"):
        check_titles(data("", " "))


def test_movielens_stays_as_it_is() -> None:
    raw = read_movielens(RECBOLE_SOURCE)
    checked = check_titles(raw)
    assert checked.items.equals(raw.items) and checked.interactions.equals(raw.interactions)
