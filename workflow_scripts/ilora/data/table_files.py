"""Reading of columns of text, Parquet and RecBole atomic files as text, each row with its number in the file."""

import codecs
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ilora.data.raw import RawDataError
from ilora.data.ready_sequences import COLUMNS, read_ready_sequences

_TAB = "\t"
#: Suffix -> field separator. `.inter` and `.item` are RecBole's; None for suffixes whose separator varies.
SEPARATORS: dict[str, str | None] = {
    **{".csv": ",", ".tsv": _TAB, ".inter": _TAB, ".item": _TAB},
    **dict.fromkeys((".dat", ".data", ".txt")),
}
#: Text files in which fields may be quoted.
_QUOTED = {".csv", ".tsv"}
_PARQUET, _READY_SEQUENCES = ".parquet", ".json"
#: Suffixes of files that are not text with lines and fields.
WITHOUT_SEPARATOR = (_PARQUET, _READY_SEQUENCES)
#: Separators to suggest for a file in another format; a space comes last, because many titles contain one.
_USUAL_SEPARATORS = ("::", ";", "\t", "|", ",", " ")
#: Values that a float of this many bits cannot distinguish.
_SPACING = {16: "whole numbers from 2,049 on", 32: "whole numbers from 16,777,217 on, times of today by 128 seconds"}
_SHOWN = 100  # characters of a line that a message shows

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class TextForm:
    """Format of a text file.

    Attributes:
        encoding: encoding of the text; a byte order mark of UTF-8 is skipped.
        separator: field separator; None for that of the suffix. A space matches any number of spaces. With a separator
            of several characters, fields cannot be quoted.
        header: whether the first line contains the names of the columns. If not, columns are named by their number,
            from "1" on.
    """

    encoding: str = "utf-8"
    separator: str | None = None
    header: bool = True


def read_columns(path: Path, columns: Sequence[str], form: TextForm, *, exact: Sequence[str] = ()) -> Iterator[Row]:
    """Yield every row of a table: its line number (in Parquet, its row number) and its fields as text.

    Column names may end in a type, as in RecBole's `user_id:token`. Empty lines are skipped. In Parquet, null and NaN
    become "", and dates and times become ISO 8601 in UTC.

    Args:
        path: file whose suffix determines the format: one of `SEPARATORS`, `.parquet`, or `.json` (see
            `ilora.data.ready_sequences`).
        columns: names of the wanted columns, in the wanted order.
        form: format of a text file.
        exact: those of the columns (ids and times) in which distinct values must stay distinct.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: the suffix is unknown, or implies no separator and none is given; a column is missing or
            duplicated; a line has a different number of fields from the first, an unclosed quote, or bytes that cannot
            be decoded; the Parquet file is damaged, or one of its columns contains neither text nor numbers nor dates,
            or is exact and has less than 64 bits of floating point.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Correct data.own, or put the file there.")
    suffix = path.suffix.lower()
    if suffix == _PARQUET:
        return _parquet_rows(path, columns, exact)
    if suffix == _READY_SEQUENCES:
        return _rows_of_sequences(path, columns)
    if suffix not in SEPARATORS:
        raise RawDataError(
            f"{path}: the suffix '{path.suffix}' is not that of a supported format; expected one of "
            f"{', '.join([*SEPARATORS, *WITHOUT_SEPARATOR])}."
        )
    separator = form.separator or SEPARATORS[suffix]
    if separator is None:
        raise RawDataError(f"{path}: the separator of its fields is unknown. Set `separator` in data.own.")
    return _text_rows(path, columns, form, separator)


def error_at(path: Path, number: int, problem: str) -> RawDataError:
    """Return the error for a problem in one row, given its number from `read_columns`."""
    unit = {_PARQUET: "row", _READY_SEQUENCES: "user"}.get(path.suffix.lower(), "line")
    return RawDataError(f"{path}, {unit} {number}: {problem}.")


def _text_rows(path: Path, columns: Sequence[str], form: TextForm, separator: str) -> Iterator[Row]:
    width, places = 0, list[int]()
    try:
        for number, fields in _records(path, form.encoding, separator):
            if not places:
                width, places = len(fields), _places(path, fields, columns, form.header, separator)
                if form.header:
                    continue
            if len(fields) != width:
                raise error_at(path, number, f"found {len(fields)} columns, expected the {width} of line 1")
            yield number, tuple(fields[place] for place in places)
    except UnicodeError as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else error
        problem = (
            f"is not {form.encoding} text ({reason}). Set the encoding in data.own; it applies to all files, so "
            "convert one if they differ"
        )
        raise error_at(path, _undecodable_line(path, form.encoding), problem) from error
    if not places:
        raise RawDataError(f"{path}: expected one column '{columns[0]}', found the columns of an empty file.")


def _records(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each non-empty line; a row with quotes may span several lines."""
    with path.open(encoding="utf-8-sig" if _is_utf8(encoding) else encoding, newline="") as file:
        if len(separator) > 1:
            # The csv module supports only separators of one character; without quotes, a line is a row.
            lines = (line.rstrip("\r\n") for line in file)
            yield from ((number, line.split(separator)) for number, line in enumerate(lines, start=1) if line)
            return
        reader = csv.reader(
            file,
            delimiter=separator,
            quoting=csv.QUOTE_MINIMAL if path.suffix.lower() in _QUOTED else csv.QUOTE_NONE,
            skipinitialspace=separator == " ",
            strict=True,
        )
        number = 1
        try:
            for fields in reader:
                if fields:
                    yield number, fields
                number = reader.line_num + 1
        except csv.Error as error:
            raise error_at(path, number, f"the row that begins here cannot be read ({error})") from error


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def _places(path: Path, first: list[str], columns: Sequence[str], has_header: bool, separator: str) -> list[int]:
    """Return the positions of the columns, from the first line of a text file."""
    names = [name.strip() for name in first] if has_header else [str(place + 1) for place in range(len(first))]
    places = [_place(names, column) for column in columns]
    for column, place in zip(columns, places, strict=True):
        if place is None:
            line = separator.join(first)
            advice = _advice(line, separator, has_header)
            if has_header:
                raise RawDataError(f"{path}: {_column_problem(column, first)}. {advice}")
            raise RawDataError(
                f"{path}: expected a column {column}, found {len(first)} in the first line, {_quoted(line)}. {advice}"
            )
    return [place for place in places if place is not None]


def _place(names: list[str], column: str) -> int | None:
    """Return the position of a column; None if it is missing or duplicated. A type at the end of a name is ignored."""
    if column not in names:
        names = [name.rpartition(":")[0] or name for name in names]
    return names.index(column) if names.count(column) == 1 else None


def _column_problem(column: str, found: Sequence[str]) -> str:
    return f"expected one column '{column}', found the columns {_cut(', '.join(found))}"


def _advice(line: str, separator: str, has_header: bool) -> str:
    """Return advice on what to set in `data.own` for a file with this first line."""
    other = _other_separator(line, separator)
    fields = line.split(other or separator)
    advice = []
    if other is not None:
        advice.append(f"The line looks as if {_quoted(other)} separated its fields: set `separator: {_quoted(other)}`")
    if has_header and any(_is_number(field) for field in fields):
        advice.append(
            f"The first line, {_quoted(line)}, looks like data, not like column names: set `header: false`, and name "
            "the columns by number, as in `columns: {user: 1, item: 2}`"
        )
    return f"{'. '.join(advice) or 'Name the columns'} in data.own."


def _other_separator(line: str, separator: str) -> str | None:
    """Return a separator that splits a line into more fields than its own does; a space only if no other does."""
    counts = {other: line.count(other) for other in _USUAL_SEPARATORS if other != separator}
    spaces = counts.pop(" ", 0)
    best = max(counts, key=lambda other: counts[other])
    if counts[best] > line.count(separator):
        return best
    return " " if spaces and not line.count(separator) else None


def _is_number(text: str) -> bool:
    try:
        return bool(text.strip()) and float(text) is not None
    except ValueError:
        return False


def _quoted(text: str) -> str:
    """Return a text in quotes as in YAML, truncated if it is long."""
    return json.dumps(_cut(text), ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _undecodable_line(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(encoding)()
    number = 0
    with path.open("rb") as file:
        try:
            for number, line in enumerate(file, start=1):  # noqa: B007 (used after the error ends the loop)
                decoder.decode(line)
        except UnicodeError:
            pass
    return number


def _parquet_rows(path: Path, columns: Sequence[str], exact: Sequence[str]) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            for column in columns:
                if schema.names.count(column) != 1:
                    raise RawDataError(
                        f"{path}: {_column_problem(column, schema.names)}. Name the columns in data.own."
                    )
                _refuse_type(path, schema.field(column), column in exact)
            number = 1
            for batch in file.iter_batches(columns=list(dict.fromkeys(columns))):
                texts = [_texts(path, column, _as_text(batch.column(column)), number) for column in columns]
                for fields in zip(*texts, strict=True):
                    yield number, fields
                    number += 1
    except (pa.ArrowException, OSError) as error:
        raise RawDataError(f"{path}: is not a whole Parquet file ({error}).") from error


def _rows_of_sequences(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    for column in columns:
        if column not in COLUMNS:
            raise RawDataError(f"{path}: {_column_problem(column, COLUMNS)}. Name the columns in data.own.")
    places = [COLUMNS.index(column) for column in columns]
    for number, fields in read_ready_sequences(path):
        yield number, tuple(fields[place] for place in places)


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
        raise RawDataError(f"{path}: the column '{field.name}' contains {kind}, expected text, numbers or dates.")
    if is_exact and (pa.types.is_float16(kind) or pa.types.is_float32(kind)):
        raise RawDataError(
            f"{path}: the column '{field.name}' contains float{kind.bit_width}, which cannot distinguish all ids and "
            f"times ({_SPACING[kind.bit_width]}). Write it again from the original values, as whole numbers or float64."
        )


def _texts(path: Path, name: str, column: pa.Array, first_row: int) -> list[str]:
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        for number, text in enumerate(column.cast(pa.binary()).to_pylist(), start=first_row):
            try:
                text.decode()
            except UnicodeDecodeError as error:
                problem = f"the column '{name}' contains {text!r:.80}, which is not UTF-8 text ({error.reason})"
                raise error_at(path, number, problem) from None
        raise


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"), safe=False)
    return pc.fill_null(column.cast(pa.string()), "")
