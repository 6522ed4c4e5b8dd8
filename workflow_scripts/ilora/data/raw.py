"""Raw data: what every reader returns, before any protocol is applied."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

#: Interactions in the order of the raw file. `timestamp` is in seconds since 1970; `rating` is null if the data set has
#: no ratings.
RAW_INTERACTIONS = pa.schema(
    [
        pa.field("raw_user_id", pa.string(), nullable=False),
        pa.field("raw_item_id", pa.string(), nullable=False),
        pa.field("rating", pa.float64(), nullable=True),
        pa.field("timestamp", pa.int64(), nullable=False),
    ]
)

#: The items that the data set describes, in the order of the raw file. `metadata` is a JSON object.
RAW_ITEMS = pa.schema(
    [
        pa.field("raw_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)


class RawDataError(ValueError):
    """A raw file does not conform to its format."""


@dataclass(frozen=True)
class RawData:
    """A data set as published.

    Attributes:
        interactions: table of schema `RAW_INTERACTIONS`.
        items: table of schema `RAW_ITEMS`; every item of `interactions` is in it.
    """

    interactions: pa.Table
    items: pa.Table


@dataclass(frozen=True)
class Line:
    """One line of a raw file, split into fields, with its path and line number for error messages."""

    path: Path
    number: int
    fields: list[str]

    def whole_number(self, column: int, meaning: str) -> int:
        """Return the field at `column` (from 0) as a non-negative integer; raise `RawDataError` if it is not one."""
        text = self.fields[column]
        if not (text.isascii() and text.isdecimal()):
            raise self.error(f"the {meaning} is '{text}', expected a whole number")
        return int(text)

    def integer(self, column: int, meaning: str) -> int:
        """Return the field at `column` (from 0) as an integer; raise `RawDataError` if it is not one."""
        text = self.fields[column]
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()):
            raise self.error(f"the {meaning} is '{text}', expected an integer")
        return int(text)

    def error(self, problem: str) -> RawDataError:
        """Return the error for a problem in this line."""
        return RawDataError(f"{self.path}, line {self.number}: {problem}.")


def read_lines(path: Path, *, separator: str, columns: int, encoding: str) -> Iterator[Line]:
    """Yield the lines of a text file without quoting, each split at `separator` into `columns` fields.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: a line has a different number of fields, or the file cannot be decoded.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Check the folder given as this data set's source.")
    with path.open(encoding=encoding) as file:
        try:
            for number, text in enumerate(file, start=1):
                line = Line(path, number, text.rstrip("\n").split(separator))
                if len(line.fields) != columns:
                    raise line.error(f"found {len(line.fields)} columns, expected {columns}")
                yield line
        except UnicodeDecodeError as error:
            raise RawDataError(f"{path}: is not {encoding} text ({error.reason}).") from error


def read_lines_below_header(path: Path, columns: list[str], *, separator: str, encoding: str) -> Iterator[Line]:
    """Yield the lines below the first one, which must be the header `columns`; otherwise like `read_lines`.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: the header is different; see also `read_lines`.
    """
    lines = read_lines(path, separator=separator, columns=len(columns), encoding=encoding)
    header = next(lines, None)
    if header is None or header.fields != columns:
        found = "an empty file" if header is None else f"the columns {header.fields}"
        raise RawDataError(f"{path}: found {found}, expected a first line with the columns {columns}.")
    yield from lines
