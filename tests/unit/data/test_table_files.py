"""Rows come out as text with their places, whatever the format; broken files are refused with file and line."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ilora.data.raw import RawDataError
from ilora.data.table_files import read_columns

ROWS = [(2, ("a", "1")), (3, ("b", "2"))]


def rows(path: Path, columns: list[str], encoding: str = "utf-8") -> list[tuple[int, tuple[str, ...]]]:
    return list(read_columns(path, columns, encoding=encoding))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "n,who\n1,a\n2,b\n"),
        ("x.csv", '"n", who \r\n"1",a\r\n2,b'),
        ("x.tsv", "who\tmore\tn\na\t\t1\nb\t\t2\n"),
        ("x.inter", "who:token\tn:float\na\t1\nb\t2\n"),
        ("X.CSV", "\ufeffwho,n\na,1\nb,2\n"),
    ],
)
def test_columns_are_found_by_name_in_the_wanted_order(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert rows(path, ["who", "n"]) == ROWS


def test_a_field_in_quotes_may_hold_what_separates(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('who,n\n"a, ""b""\nc",1\n\nd,2\n', encoding="utf-8")
    assert rows(path, ["who", "n"]) == [(2, ('a, "b"\nc', "1")), (5, ("d", "2"))]


def test_quotes_mean_nothing_in_recboles_files(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    path.write_text('item_id:token\ttitle:token_seq\n1\t"Heroes" and more\n', encoding="utf-8")
    assert rows(path, ["title"]) == [(2, ('"Heroes" and more',))]


def test_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("who\nZoë\n", encoding="latin-1")
    assert rows(path, ["who"], "latin-1") == [(2, ("Zoë",))]


def test_parquet_gives_the_same_text_as_a_text_file_would(tmp_path: Path) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    table = pa.table(
        {
            "whole": pa.array([7, None], pa.int32()),
            "float": pa.array([12.0, float("nan")]),
            "time": pa.array([moment, None], pa.timestamp("us", "Europe/Paris")),
            "date": pa.array([date(2020, 1, 2), None]),
            "text": pa.array(["a", None], pa.large_string()),
            "coded": pa.array(["b", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    first = ("7", "12", "2020-01-02 03:04:05", "2020-01-02 00:00:00", "a", "b")
    assert rows(tmp_path / "x.parquet", table.column_names) == [(1, first), (2, ("",) * 6)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"who,n\na,1\nb\n", "x.csv, line 3: found 1 columns, expected the 2 of line 1."),
        ("x.csv", b'who,n\n"a\n",1\nb,2,3\n', "x.csv, line 4: found 3 columns, expected the 2 of line 1."),
        ("x.csv", b"who,n\na,1\nZo\xeb,2\n", "x.csv, line 3: is not utf-8 text .*encoding in data.own"),
        ("x.csv", b'who,n\na,1\n"b,2\nc,3\n', r"x.csv, line 3: the row that begins here cannot be read \(unexpected"),
        ("x.csv", b'who,n\n"a"b,1\n', r"x.csv, line 2: the row that begins here cannot be read \('"),
        ("x.csv", b"", "x.csv: expected one column 'who', found the columns of an empty file"),
        (
            "x.csv",
            b"196\t242\n",
            "x.csv: expected one column 'who', found the columns 196\t242. Name the columns in data",
        ),
        ("x.csv", b"who,who,n\na,b,1\n", "x.csv: expected one column 'who', found the columns who, who, n"),
        ("x.xlsx", b"PK", "x.xlsx: the suffix '.xlsx' names no format that can be read; expected one of .csv, .tsv"),
        ("x.parquet", b"who,n\na,1\n", "x.parquet: is not a whole Parquet file"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RawDataError, match=message):
        rows(tmp_path / name, ["who", "n"])


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"who": ["a"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RawDataError, match="x.parquet: is not a whole Parquet file"):
        rows(path, ["who"])


def test_a_parquet_column_of_another_kind_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"who": [["a", "b"]]}), tmp_path / "x.parquet")
    with pytest.raises(RawDataError, match="the column 'who' holds list<.*>, expected text, numbers or dates"):
        rows(tmp_path / "x.parquet", ["who"])


@pytest.mark.parametrize(("kind", "name"), [(pa.float32(), "float32"), (pa.float16(), "float16")])
def test_ids_and_times_of_too_few_bits_are_refused(tmp_path: Path, kind: pa.DataType, name: str) -> None:
    """In float32, times less than 128 seconds apart are one, and so are ids from 16,777,217 on."""
    column = pa.array(np.array([3, 4], kind.to_pandas_dtype()))
    pq.write_table(pa.table({"when": column, "stars": column}), tmp_path / "x.parquet")
    assert [row for _, row in read_columns(tmp_path / "x.parquet", ["stars"], encoding="utf-8", exact=["when"])] == [
        ("3",),
        ("4",),
    ]
    with pytest.raises(RawDataError, match=f"x.parquet: the column 'when' holds {name}, in which ids and times"):
        list(read_columns(tmp_path / "x.parquet", ["stars", "when"], encoding="utf-8", exact=["when"]))


def test_a_missing_parquet_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(RawDataError, match="expected one column 'who', found the columns user"):
        rows(tmp_path / "x.parquet", ["who"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="x.csv: no such file. Correct data.own"):
        rows(tmp_path / "x.csv", ["who"])
