"""User data sets: what is read, what is dropped and counted, and what is refused."""

import logging
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData, RawDataError
from ilora.data.table_files import TextForm
from ilora.data.tabular import TabularColumns, Timestamps, read_tabular

RECBOLE_NAMES = TabularColumns("user_id", "item_id", "timestamp", "rating", "item_id", "title")
UNRATED = replace(RECBOLE_NAMES, rating=None)
ITEMS = "item_id,title\n7,Emma\n8,Dune\n"


class Folder:
    """A folder with the two files."""

    def __init__(self, path: Path) -> None:
        self.interactions, self.items = path / "ratings.csv", path / "books.csv"
        self.items.write_text(ITEMS, encoding="utf-8")

    def read(self, text: str, columns: TabularColumns = RECBOLE_NAMES, timestamps: Timestamps = "seconds") -> RawData:
        """Write the interactions and read both files."""
        self.interactions.write_text(text, encoding="utf-8")
        return read_tabular(self.interactions, self.items, columns=columns, timestamps=timestamps, form=TextForm())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def with_row(row: str) -> str:
    return f"user_id,item_id,timestamp,rating\nann,7,100,5\n{row}\n"


def test_tables_are_those_of_every_reader(folder: Folder) -> None:
    raw = folder.read("rating,timestamp,item_id,user_id\n4.5, 100 ,7,ann\n5,1e3,8, bo \n")
    assert raw.interactions.schema == RAW_INTERACTIONS and raw.items.schema == RAW_ITEMS
    assert raw.interactions.to_pydict() == {
        "raw_user_id": ["ann", "bo"],
        "raw_item_id": ["7", "8"],
        "rating": [4.5, 5.0],
        "timestamp": [100, 1000],
    }
    assert raw.items.to_pydict() == {"raw_id": ["7", "8"], "title": ["Emma", "Dune"], "metadata": ["{}", "{}"]}


def test_without_wanted_ratings_none_are_read(folder: Folder) -> None:
    raw = folder.read("user_id,item_id,timestamp,rating\nann,7,100,good\n", UNRATED)
    assert raw.interactions["rating"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("timestamps", "text", "seconds"),
    [
        ("seconds", "1288613103", 1288613103),
        ("seconds", "1288613103.9", 1288613103),
        ("milliseconds", "1288613103999", 1288613103),
        ("milliseconds", "0", 0),
        ("microseconds", "1288613103999999", 1288613103),
        ("nanoseconds", "1288613103999999999", 1288613103),
        ("nanoseconds", "1.288613103e18", 1288613103),
        ("dates", "2010-11-01", 1288569600),
        ("dates", "2010-11-01T12:05:03Z", 1288613103),
        ("dates", "2010-11-01 13:05:03.5+01:00", 1288613103),
    ],
)
def test_times_become_seconds_since_1970(folder: Folder, timestamps: Timestamps, text: str, seconds: int) -> None:
    raw = folder.read(f"user_id,item_id,timestamp\nann,7,{text}\n", UNRATED, timestamps)
    assert raw.interactions["timestamp"].to_pylist() == [seconds]


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    table = pa.table({"user": [1, 2], "book": [7, 7], "when": [100, 200], "name": ["Emma", "Emma"]})
    pq.write_table(table, tmp_path / "all.parquet")
    columns = TabularColumns("user", "book", "when", None, "book", "name")
    raw = read_tabular(
        tmp_path / "all.parquet",
        tmp_path / "all.parquet",
        columns=columns,
        timestamps="seconds",
        form=TextForm(),
    )
    assert raw.interactions["raw_user_id"].to_pylist() == ["1", "2"]
    assert raw.items["title"].to_pylist() == ["Emma"]


@pytest.mark.parametrize(
    "row",
    [
        *(",8,100,5", "bo,,100,5", "bo,8,,5", "bo,8,NaN,5", "bo,8,NaT,5", "bo,8,100,", "bo,8,100,nan", "bo,8,100,NA"),
        *("NaN,8,100,5", "null,8,100,5", "NULL,8,100,5", "None,8,100,5", "<NA>,8,100,5", "bo,nan,100,5"),
    ],
)
def test_a_row_that_lacks_a_value_is_dropped_and_counted(
    folder: Folder, row: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ilora"):
        raw = folder.read(with_row(row))
    assert raw.interactions["raw_user_id"].to_pylist() == ["ann"]
    assert "ratings.csv: 2 rows in, 1 with a missing value dropped" in caplog.text


@pytest.mark.parametrize(
    "titles",
    [
        ["Zo\u00eb", "Zo\u00eb "],
        ["Zo\u00eb", "Zoe\u0308"],
        ["Zo\u00eb", ""],
        ["", "Zo\u00eb"],
        ["\ufeff", "Zo\u00eb", " "],
    ],
)
def test_titles_of_an_item_agree_if_they_are_compared_as_one_later(folder: Folder, titles: list[str]) -> None:
    rows = "".join(f'7,"{title}"\n' for title in titles)
    folder.items.write_text(f"item_id,title\n{rows}8,Dune\n", encoding="utf-8")
    assert folder.read(with_row("bo,8,100,5")).items["title"].to_pylist() == ["Zo\u00eb", "Dune"]


def test_an_item_without_an_id_is_no_item(folder: Folder) -> None:
    folder.items.write_text(f"{ITEMS}NaN,Ivanhoe\n,Kim\nnull,Emma\nNA,Nana\n", encoding="utf-8")
    assert folder.read(with_row("bo,8,100,5")).items["raw_id"].to_pylist() == ["7", "8", "NA"]


def test_an_interaction_with_an_item_that_is_not_described_is_dropped_and_counted(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ilora"):
        raw = folder.read(with_row("bo,9,100,5"))
    assert raw.interactions["raw_item_id"].to_pylist() == ["7"]
    assert "2 interactions in, 1 with an item that" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("bo,8,100,good", "ratings.csv, line 3: the rating is 'good', expected a number"),
        ("bo,8,100,inf", "line 3: the rating is 'inf', expected a number"),
        ("bo,8,100,1_0", "line 3: the rating is '1_0', expected a number"),
        ("bo,8,soon,5", "line 3: the timestamp is 'soon', expected a number; for dates set `timestamps: dates`"),
        ("bo,8,-1,5", "line 3: the timestamp is '-1', which is before 1970"),
        (
            "bo,8,1288613103000,5",
            "line 3: the timestamp is '1288613103000', which is after the year 2100 in seconds, but on 2010-11-01 in "
            "milliseconds; for milliseconds set `timestamps: milliseconds`",
        ),
        ("bo,8,1288613103000000,5", "after the year 2100 in seconds, .*`timestamps: microseconds`"),
        ("bo,8,1288613103000000000,5", "after the year 2100 in seconds, .*`timestamps: nanoseconds`"),
        ("bo,8,1288613103000000000000,5", "line 3: the timestamp is '1288613103000000000000', which is after the"),
        ('"b\x01o",8,100,5', r"line 3: the id 'b\\x01o' contains a control character"),
        ("bo,8,100", "line 3: found 3 columns, expected the 4 of line 1"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(folder: Folder, row: str, message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        folder.read(with_row(row))


@pytest.mark.parametrize(
    ("timestamps", "text", "message"),
    [
        ("milliseconds", "1288613103", "is on 1970-01-15 in milliseconds, but on 2010-11-01 in seconds; .*: seconds`"),
        ("milliseconds", "1288613103000000", "after the year 2100 in milliseconds, .*`timestamps: microseconds`"),
        ("nanoseconds", "1288613103000", "is on 1970-01-01 in nanoseconds, but on 2010-11-01 in milliseconds"),
        ("milliseconds", "-1", "the timestamp is '-1', which is before 1970"),
    ],
)
def test_times_of_another_unit_are_refused_with_the_right_one(
    folder: Folder, timestamps: Timestamps, text: str, message: str
) -> None:
    """Seconds read as milliseconds would all lie in January 1970, and most of a user's would tie."""
    with pytest.raises(RawDataError, match=f"ratings.csv, line 2: .*{message}"):
        folder.read(f"user_id,item_id,timestamp\nann,7,{text}\n", UNRATED, timestamps)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2010-13-01", "the timestamp is '2010-13-01', expected a date such as"),
        ("1969-12-31", "the timestamp is '1969-12-31', which is before 1970"),
        ("9999-12-31", "the timestamp is '9999-12-31', which is after the year 2100"),
    ],
)
def test_a_wrong_date_is_refused_with_its_line(folder: Folder, text: str, message: str) -> None:
    with pytest.raises(RawDataError, match=f"line 2: {message}"):
        folder.read(f"user_id,item_id,timestamp\nann,7,{text}\n", UNRATED, "dates")


@pytest.mark.parametrize(
    ("interactions", "items", "message"),
    [
        ("user_id,item_id,timestamp,rating\n", ITEMS, "ratings.csv: found 0 rows, expected at least one"),
        ("user_id,item_id,timestamp,rating\n,7,100,5\n", ITEMS, "ratings.csv: found 1 rows, expected at least one"),
        (with_row("bo,8,100,5"), "item_id,title\n", "books.csv: found 0 rows, expected at least one with an id"),
        (
            with_row("bo,8,100,5"),
            "item_id,title\nx7,Emma\n",
            "none of its items is in .*books.csv. Its first item is '7', but the first item there is 'x7'",
        ),
        (
            with_row("bo,8,100,5"),
            "item_id,title\n7,Emma\n8,Dune\n7,Ivanhoe\n",
            "books.csv, line 4: item 7 is 'Ivanhoe' here, but 'Emma' in an earlier row",
        ),
    ],
)
def test_tables_that_hold_nothing_or_disagree_are_refused(
    folder: Folder, interactions: str, items: str, message: str
) -> None:
    folder.items.write_text(items, encoding="utf-8")
    with pytest.raises(RawDataError, match=message):
        folder.read(interactions)
