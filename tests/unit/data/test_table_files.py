"""Rows of every format are read as text with their positions; broken files are refused with file and line."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ilora.data.raw import RawDataError
from ilora.data.table_files import TextForm, read_columns

UTF_8 = TextForm()
ROWS = [(2, ("a", "1")), (3, ("b", "2"))]


def rows(path: Path, columns: list[str], form: TextForm = UTF_8) -> list[tuple[int, tuple[str, ...]]]:
    return list(read_columns(path, columns, form))


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
    assert rows(path, ["who"], TextForm("latin-1")) == [(2, ("Zoë",))]


@pytest.mark.parametrize(
    ("name", "separator", "text"),
    [
        ("x.dat", "::", "who::n\na::1\r\nb::2\n"),
        ("x.csv", ";", 'who;n\n"a";1\nb;"2"\n'),
        ("x.txt", "|", "n|who|\n1|a|\n2|b|"),
        ("x.txt", " ", "who  n\n a 1\nb    2\n"),
        ("x.data", "\t", "who\tn\na\t1\nb\t2\n"),
        ("x.item", "|", "who|n\na|1\nb|2\n"),
    ],
)
def test_other_separators(tmp_path: Path, name: str, separator: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert rows(path, ["who", "n"], TextForm(separator=separator)) == ROWS


@pytest.mark.parametrize(
    ("name", "separator", "text", "expected"),
    [
        ("x.dat", "::", "1::a\n\n2::b", [(1, ("a", "1")), (3, ("b", "2"))]),
        ("x.dat", "::", '"1"::a::z\n2::b::', [(1, ("a", '"1"')), (2, ("b", "2"))]),
        ("x.csv", None, "1,a\n", [(1, ("a", "1"))]),
    ],
)
def test_without_a_header_columns_are_numbers(
    tmp_path: Path, name: str, separator: str | None, text: str, expected: list[tuple[int, tuple[str, ...]]]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert rows(tmp_path / name, ["2", "1"], TextForm(separator=separator, header=False)) == expected


@pytest.mark.parametrize(
    ("text", "form", "advice"),
    [
        ("who::n\na::1\n", UTF_8, r'found the columns who::n\. The line .* set `separator: "::"` in data\.own'),
        ("who;n\na;1,5\n", UTF_8, 'set `separator: ";"` in data.own'),
        ("who\tn\na\t1\n", UTF_8, r'set `separator: "\\t"` in data.own'),
        ("who n\na 1\n", UTF_8, 'set `separator: " "` in data.own'),
        ("user id,n\na,1\n", UTF_8, "found the columns user id, n. Name the columns in data.own"),
        (
            "a,1\nb,2\n",
            UTF_8,
            'found the columns a, 1. The first line, "a,1", looks like data.* `header: false`, and name',
        ),
        ("1::2::3\n", UTF_8, 'set `separator: "::"`. The first line, "1::2::3", looks like data.*`header: false`'),
        (
            "a,1\n",
            TextForm(separator=";", header=False),
            'expected a column 2, found 1 in the first line, "a,1".* ","` in',
        ),
        ("a\n", TextForm(header=False), 'expected a column 2, found 1 in the first line, "a". Name the columns'),
    ],
)
def test_a_file_of_another_form_is_answered_with_what_to_set(
    tmp_path: Path, text: str, form: TextForm, advice: str
) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RawDataError, match=advice):
        rows(tmp_path / "x.csv", ["who", "n"] if form.header else ["1", "2"], form)


def test_a_suffix_that_names_no_separator_asks_for_one(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_text("who::n\n", encoding="utf-8")
    with pytest.raises(
        RawDataError, match="x.dat: the separator of its fields is unknown. Set `separator` in data.own"
    ):
        rows(tmp_path / "x.dat", ["who"])


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (
            b"who,n\na,1\n",
            "utf-16",
            "x.csv, line 1: is not utf-16 text .*encoding in data.own; it applies to all files",
        ),
        ("who,n\na,1\n".encode("utf-16"), "utf-8", "x.csv, line 1: is not utf-8 text"),
        ("who,n\na,1\n".encode("utf-16")[:-1], "utf-16", "x.csv, line 2: is not utf-16 text"),
    ],
)
def test_text_of_another_encoding_is_refused(tmp_path: Path, content: bytes, encoding: str, message: str) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(RawDataError, match=message):
        rows(tmp_path / "x.csv", ["who", "n"], TextForm(encoding))


def test_parquet_that_is_not_utf_8_is_refused_with_its_row(tmp_path: Path) -> None:
    texts = pa.array([b"a", b"Zo\xeb"]).view(pa.string())
    for name, column in {"plain": texts, "coded": texts.dictionary_encode()}.items():
        pq.write_table(pa.table({"who": column}), tmp_path / f"{name}.parquet")
        with pytest.raises(
            RawDataError, match=rf"{name}.parquet, row 2: the column 'who' contains b'Zo\\xeb', which is not"
        ):
            rows(tmp_path / f"{name}.parquet", ["who"])


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
            "x.csv: expected one column 'who', found the columns 196\t242. The line looks as if .*separator",
        ),
        ("x.csv", b"who,who,n\na,b,1\n", "x.csv: expected one column 'who', found the columns who, who, n"),
        ("x.xlsx", b"PK", "x.xlsx: the suffix '.xlsx' is not that of a supported format; expected one of .csv, .tsv"),
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
    with pytest.raises(RawDataError, match="the column 'who' contains list<.*>, expected text, numbers or dates"):
        rows(tmp_path / "x.parquet", ["who"])


@pytest.mark.parametrize(("kind", "name"), [(pa.float32(), "float32"), (pa.float16(), "float16")])
def test_ids_and_times_of_too_few_bits_are_refused(tmp_path: Path, kind: pa.DataType, name: str) -> None:
    """In float32, times less than 128 seconds apart coincide, and so do ids from 16,777,217 on."""
    column = pa.array(np.array([3, 4], kind.to_pandas_dtype()))
    pq.write_table(pa.table({"when": column, "stars": column}), tmp_path / "x.parquet")
    assert list(read_columns(tmp_path / "x.parquet", ["stars"], UTF_8, exact=["when"])) == [(1, ("3",)), (2, ("4",))]
    with pytest.raises(
        RawDataError, match=f"x.parquet: the column 'when' contains {name}, which cannot distinguish all ids"
    ):
        list(read_columns(tmp_path / "x.parquet", ["stars", "when"], UTF_8, exact=["when"]))


def test_a_missing_parquet_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(RawDataError, match="expected one column 'who', found the columns user"):
        rows(tmp_path / "x.parquet", ["who"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="x.csv: no such file. Correct data.own"):
        rows(tmp_path / "x.csv", ["who"])
