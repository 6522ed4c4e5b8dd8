"""Reads columns of text files, Parquet and RecBole atomic files as text, each row with the place where it stands."""

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
#: Suffix -> what separates fields. `.inter` and `.item` are RecBole's; the others are each publisher's own.
SEPARATORS: dict[str, str | None] = {
    **{".csv": ",", ".tsv": _TAB, ".inter": _TAB, ".item": _TAB},
    **dict.fromkeys((".dat", ".data", ".txt")),
}
#: Of text files, those in which a field may stand in quotes.
_QUOTED = {".csv", ".tsv"}
_PARQUET, _READY_SEQUENCES = ".parquet", ".json"
#: Suffixes of files that are no text of lines and fields.
WITHOUT_SEPARATOR = (_PARQUET, _READY_SEQUENCES)
#: What a file of another form may be separated by; a space is in many a title, so it is thought of last.
_USUAL_SEPARATORS = ("::", ";", "\t", "|", ",", " ")
#: What a float of so many bits cannot tell apart.
_SPACING = {16: "whole numbers from 2,049 on", 32: "whole numbers from 16,777,217 on, times of today by 128 seconds"}
_SHOWN = 100  # characters of a line that a message shows

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class TextForm:
    """How a text file is written.

    Attributes:
        encoding: a byte order mark of UTF-8 is skipped.
        separator: what stands between fields; None for that of the suffix. A space is any number of spaces. With more
            than one character, no field can stand in quotes.
        header: whether the first line has the names of the columns. Without them, a column is called by its number,
            from "1" on.
    """

    encoding: str = "utf-8"
    separator: str | None = None
    header: bool = True


def read_columns(path: Path, columns: Sequence[str], form: TextForm, *, exact: Sequence[str] = ()) -> Iterator[Row]:
    """Yield every row of a table: the number of its line (of its row, in Parquet) and its fields as text.

    The names of columns may end in a type, as in RecBole's `user_id:token`. Lines without any character are skipped.
    What Parquet holds as null or NaN is "", its dates and times are ISO 8601 in UTC.

    Args:
        path: its suffix says the format: one of `SEPARATORS`, `.parquet`, or `.json`, which is as
            `ilora.data.ready_sequences` has it.
        columns: names of the wanted columns, in the wanted order.
        form: of a text file.
        exact: those of the columns, ids and times, in which two values that differ must not have become one.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: the suffix is another, or says nothing of a separator where none is given; a column is missing or
            twice; a line has another number of fields than the first, a quote that is not closed, or bytes that are no
            text of the encoding; the Parquet file is damaged, or a column of it holds neither text nor numbers nor
            dates, or is exact and of less than 64 bits of floating point.
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
            f"{path}: the suffix '{path.suffix}' names no format that can be read; expected one of "
            f"{', '.join([*SEPARATORS, *WITHOUT_SEPARATOR])}."
        )
    separator = form.separator or SEPARATORS[suffix]
    if separator is None:
        raise RawDataError(f"{path}: nothing says what separates its fields. Set `separator` in data.own.")
    return _text_rows(path, columns, form, separator)


def error_at(path: Path, number: int, problem: str) -> RawDataError:
    """Return the error that says what is wrong with one row, by the number that `read_columns` gave it."""
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
            f"is not {form.encoding} text ({reason}). Set the file's encoding in data.own, which holds for both files: "
            "where theirs differ, write one of them anew"
        )
        raise error_at(path, _undecodable_line(path, form.encoding), problem) from error
    if not places:
        raise RawDataError(f"{path}: expected one column '{columns[0]}', found the columns of an empty file.")


def _records(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line that is not empty, and its fields; a row in quotes may have several lines."""
    with path.open(encoding="utf-8-sig" if _is_utf8(encoding) else encoding, newline="") as file:
        if len(separator) > 1:
            # The module csv knows separators of one character alone; without quotes, a line is a row.
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
    """Return where the columns stand, by the first line of a text file."""
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
    """Return where a column stands, None if nowhere or twice; a name with a type is found without it."""
    if column not in names:
        names = [name.rpartition(":")[0] or name for name in names]
    return names.index(column) if names.count(column) == 1 else None


def _column_problem(column: str, found: Sequence[str]) -> str:
    return f"expected one column '{column}', found the columns {_cut(', '.join(found))}"


def _advice(line: str, separator: str, has_header: bool) -> str:
    """Return what to set in `data.own` for a file with such a first line, as far as the line tells."""
    other = _other_separator(line, separator)
    fields = line.split(other or separator)
    advice = []
    if other is not None:
        advice.append(f"The line looks as if {_quoted(other)} separated its fields: set `separator: {_quoted(other)}`")
    if has_header and any(_is_number(field) for field in fields):
        advice.append(
            f"The first line, {_quoted(line)}, looks like data and not like names of columns: set `header: false`, and "
            "name the columns by their numbers, such as `columns: {user: 1, item: 2}`"
        )
    return f"{'. '.join(advice) or 'Name the columns'} in data.own."


def _other_separator(line: str, separator: str) -> str | None:
    """Return what cuts a line into more fields than its separator does, a space only where nothing else cuts it."""
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
    """Return a text as YAML reads it in quotes, cut where it is long."""
    return json.dumps(_cut(text), ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _undecodable_line(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(encoding)()
    number = 0
    with path.open("rb") as file:
        try:
            for number, line in enumerate(file, start=1):  # noqa: B007 (it is what the error ends at)
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
        raise RawDataError(f"{path}: the column '{field.name}' holds {kind}, expected text, numbers or dates.")
    if is_exact and (pa.types.is_float16(kind) or pa.types.is_float32(kind)):
        raise RawDataError(
            f"{path}: the column '{field.name}' holds float{kind.bit_width}, in which ids and times that differ become "
            f"one ({_SPACING[kind.bit_width]}). Write it anew from the original values, as whole numbers or float64."
        )


def _texts(path: Path, name: str, column: pa.Array, first_row: int) -> list[str]:
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        for number, text in enumerate(column.cast(pa.binary()).to_pylist(), start=first_row):
            try:
                text.decode()
            except UnicodeDecodeError as error:
                problem = f"the column '{name}' holds {text!r:.80}, which is not UTF-8 text ({error.reason})"
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
