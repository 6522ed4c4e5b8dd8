"""Reads columns of CSV, TSV, Parquet and RecBole atomic files as text, each row with the place where it stands."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ilora.data.raw import RawDataError

#: Suffix -> what separates fields, and whether a field may stand in quotes. `.inter` and `.item` are RecBole's.
_TEXT_FORMATS = {".csv": (",", True), ".tsv": ("\t", True), ".inter": ("\t", False), ".item": ("\t", False)}
_PARQUET = ".parquet"
#: What a float of so many bits cannot tell apart.
_SPACING = {16: "whole numbers from 2,049 on", 32: "whole numbers from 16,777,217 on, times of today by 128 seconds"}

Row = tuple[int, tuple[str, ...]]


def read_columns(path: Path, columns: Sequence[str], *, encoding: str, exact: Sequence[str] = ()) -> Iterator[Row]:
    """Yield every row of a table: the number of its line (of its row, in Parquet) and its fields as text.

    A text file begins with a line of column names, which may end in a type, as in RecBole's `user_id:token`. Lines
    without any character are skipped. What Parquet holds as null or NaN is "", its dates and times are ISO 8601 in
    UTC.

    Args:
        path: its suffix says the format: `.csv`, `.tsv`, `.inter`, `.item` or `.parquet`.
        columns: names of the wanted columns, in the wanted order.
        encoding: of a text file; a byte order mark of UTF-8 is skipped.
        exact: those of the columns, ids and times, in which two values that differ must not have become one.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: the suffix is another; a column is missing or twice; a line has another number of fields than
            the first, a quote that is not closed, or bytes that are no text of the encoding; the Parquet file is
            damaged, or a column of it holds neither text nor numbers nor dates, or is exact and of less than 64 bits
            of floating point.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Correct data.own, or put the file there.")
    suffix = path.suffix.lower()
    if suffix == _PARQUET:
        return _parquet_rows(path, columns, exact)
    if suffix in _TEXT_FORMATS:
        return _text_rows(path, columns, encoding)
    raise RawDataError(
        f"{path}: the suffix '{path.suffix}' names no format that can be read; expected one of "
        f"{', '.join([*_TEXT_FORMATS, _PARQUET])}."
    )


def error_at(path: Path, number: int, problem: str) -> RawDataError:
    """Return the error that says what is wrong with one row, by the number that `read_columns` gave it."""
    unit = "row" if path.suffix.lower() == _PARQUET else "line"
    return RawDataError(f"{path}, {unit} {number}: {problem}.")


def _text_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Row]:
    separator, quoted = _TEXT_FORMATS[path.suffix.lower()]
    number = 1
    with path.open(encoding="utf-8-sig" if _is_utf8(encoding) else encoding, newline="") as file:
        reader = csv.reader(
            file, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
        )
        try:
            header = next(reader, [])
            places = [_place(path, header, column) for column in columns]
            number = reader.line_num + 1
            for fields in reader:
                if fields and len(fields) != len(header):
                    raise error_at(path, number, f"found {len(fields)} columns, expected the {len(header)} of line 1")
                if fields:
                    yield number, tuple(fields[place] for place in places)
                number = reader.line_num + 1
        except csv.Error as error:
            raise error_at(path, number, f"the row that begins here cannot be read ({error})") from error
        except UnicodeDecodeError as error:
            line = _undecodable_line(path, encoding)
            problem = f"is not {encoding} text ({error.reason}). Set the file's encoding in data.own"
            raise error_at(path, line, problem) from error


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def _place(path: Path, header: Sequence[str], column: str) -> int:
    """Return where a column stands; a name with a type is found without it."""
    names = [name.strip() for name in header]
    if column not in names:
        names = [name.rpartition(":")[0] or name for name in names]
    if names.count(column) != 1:
        raise RawDataError(_column_problem(path, column, header))
    return names.index(column)


def _column_problem(path: Path, column: str, found: Sequence[str]) -> str:
    return (
        f"{path}: expected one column '{column}', found the columns {', '.join(found) or 'of an empty file'}. "
        "Name the columns in data.own."
    )


def _undecodable_line(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(encoding)()
    number = 0
    with path.open("rb") as file:
        try:
            for number, line in enumerate(file, start=1):  # noqa: B007 (it is what the error ends at)
                decoder.decode(line)
        except UnicodeDecodeError:
            pass
    return number


def _parquet_rows(path: Path, columns: Sequence[str], exact: Sequence[str]) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            for column in columns:
                if schema.names.count(column) != 1:
                    raise RawDataError(_column_problem(path, column, schema.names))
                _refuse_type(path, schema.field(column), column in exact)
            number = 1
            for batch in file.iter_batches(columns=list(dict.fromkeys(columns))):
                texts = [_as_text(batch.column(column)) for column in columns]
                for fields in zip(*texts, strict=True):
                    yield number, fields
                    number += 1
    except (pa.ArrowException, OSError) as error:
        raise RawDataError(f"{path}: is not a whole Parquet file ({error}).") from error


def _refuse_type(path: Path, field: pa.Field, is_exact: bool) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    is_readable = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_timestamp,
        pa.types.is_date,
    )
    if not any(check(kind) for check in is_readable):
        raise RawDataError(f"{path}: the column '{field.name}' holds {kind}, expected text, numbers or dates.")
    if is_exact and (pa.types.is_float16(kind) or pa.types.is_float32(kind)):
        raise RawDataError(
            f"{path}: the column '{field.name}' holds float{kind.bit_width}, in which ids and times that differ become "
            f"one ({_SPACING[kind.bit_width]}). Write it anew from the original values, as whole numbers or float64."
        )


def _as_text(column: pa.Array) -> list[str]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"), safe=False)
    return pc.fill_null(column.cast(pa.string()), "").to_pylist()
