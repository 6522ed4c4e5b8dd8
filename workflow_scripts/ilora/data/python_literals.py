"""Reads gzip files in which each line is a Python dict literal: the format of the Steam data set, which is not JSON.

`ast.literal_eval` reads such a line right, but takes some 25 microseconds. Here one regular expression reads nearly all
lines, ten times faster. It follows the grammar of a whole line, from its first brace to its last, so that what stands
inside a string is never taken for a key. A line that it does not match, or that holds what it does not look at (see
below), goes to `ast.literal_eval`, so that the result is always that of `ast.literal_eval`.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.gzip_lines import read_line_chunks
from ilora.data.raw import RawDataError

# A string ends at the first quote of its kind that no backslash precedes. After one backslash it goes on; after several
# it depends on their number, and the pattern does not match. (A search for a single character is several times faster
# than one for a class of characters, so backslashes and control characters are looked for in another way.)
_QUOTED = "|".join(
    rf"{quote}[^{quote}]*+{quote}(?:(?<=[^\\]\\{quote})[^{quote}]*+{quote})*+(?<!\\{quote})" for quote in ("'", '"')
)
_NUMBER = r"(?:0|[1-9][0-9]{0,17}+)(?:\.[0-9]{1,17}+)?+"
_VALUE = rf"(?:u?(?:{_QUOTED})|{_NUMBER}|True|False|None)"
# A backslash, the first of its run and an odd number of them, that begins none of the escapes that Python writes.
_UNUSUAL_ESCAPE = re.compile(
    rb"""\\(?<!\\\\)(?:\\\\)*+(?!\\|['"nrtabfv]|x[0-9a-f]{2}|u[0-9a-f]{4}|U000[0-9a-f]{5}|U0010[0-9a-f]{4})"""
)
_FIRST_PRINTABLE = 0x20
# For `ast.literal_eval`, which takes 500 bytes of memory for each of a line: it would take gigabytes for a line that
# holds no review. The longest review (8,000 characters, each of them an escape of ten) is a third of it.
_LONGEST_EVALUATED = 1 << 18  # bytes
# What `ast.literal_eval` raises, depending on how a literal is malformed.
_REFUSALS = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


def read_string_fields(path: Path, fields: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the values of some keys, line by line, in batches of some thousand lines; memory does not grow.

    Args:
        path: a gzip file with one dict literal a line, in UTF-8.
        fields: keys (lower-case letters and underscores) whose values are strings, in the order in which they usually
            stand in a line. Lines with another order are read as well, but slowly.

    Returns:
        Batches with one string column for each field and one row for each line, as `parse_lines` gives them.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: the file is no gzip file, or is cut off or damaged, or as `parse_lines` raises it.
    """
    first_line = 1
    for lines in read_line_chunks(path):
        batch = parse_lines(lines, fields, path=path, first_line=first_line)
        yield batch
        first_line += batch.num_rows


def parse_lines(lines: bytes, fields: Sequence[str], *, path: Path, first_line: int = 1) -> pa.RecordBatch:
    """Return what `ast.literal_eval` gives for some keys of each line.

    A value is null where the key is absent, or its value None or a string that is not valid Unicode (it holds a lone
    surrogate), which Arrow cannot store.

    Args:
        lines: dict literals in UTF-8, one a line, each line ended by a line feed.
        fields: as in `read_string_fields`.
        path: of the file that the lines come from, for messages.
        first_line: the number there of the first line.

    Raises:
        RawDataError: a line is not UTF-8, no dict literal, or has a value of a field that is no string, or it goes to
            `ast.literal_eval` and is longer than 256 KiB; the message names file and line.
    """
    _check_encoding(lines, path, first_line)
    # Between what is split off, the list holds the groups of each match; this is the fastest way to get at them.
    groups, width = _line_pattern(tuple(fields)).split(lines)[:-1], len(fields) + 1
    literals = [groups[position::width] for position in range(1, width)]
    ends, unsure = _line_ends_and_unsure_rows(lines, literals[0])
    if len(ends) != len(literals[0]):
        literals = [[None] * len(ends) for _ in fields]
    records = {}
    for row in unsure:
        line = lines[ends[row - 1] + 1 if row else 0 : ends[row]]
        records[row] = _evaluate(line, path, first_line + row)
    columns = []
    for field, column in zip(fields, literals, strict=True):
        found = {row: _string(record.get(field), field, path, first_line + row) for row, record in records.items()}
        for row in found:
            column[row] = None
        columns.append(_strings(column, found))
    return pa.record_batch(columns, names=list(fields))


def read_dicts(path: Path) -> Iterator[tuple[int, dict[object, object]]]:
    """Yield the number and the dict of every line; for files small enough that speed does not count.

    Raises:
        FileNotFoundError, RawDataError: as `read_string_fields` raises them.
    """
    number = 0
    for lines in read_line_chunks(path):
        _check_encoding(lines, path, number + 1)
        for line in lines.split(b"\n")[:-1]:
            number += 1
            yield number, _evaluate(line, path, number)


@cache
def _line_pattern(fields: tuple[str, ...]) -> re.Pattern[bytes]:
    """Return the pattern that matches any line; its groups are the literals of `fields`, or nothing if it is unsure.

    A dict counts a key's last value, so a line with one of `fields` twice is left unsure. Possessive quantifiers (`*+`)
    keep a failed match from trying again.
    """
    other_key = rf"u?'(?!(?:{'|'.join(fields)})')[a-z_]++'"
    before, after = rf"(?:{other_key}: {_VALUE}, )*+", rf"(?:, {other_key}: {_VALUE})*+"
    wanted = [rf"u?'{field}': u?({_QUOTED})" for field in fields]
    return re.compile(rf"\{{{before}{f'{after}, '.join(wanted)}{after}\}}\n|[^\n]*+\n".encode())


def _line_ends_and_unsure_rows(
    lines: bytes, literals: Sequence[bytes | None]
) -> tuple[npt.NDArray[np.int64], Iterable[int]]:
    """Return where each line's line feed stands, and the rows of those that the pattern does not read for sure.

    These are the lines that it did not match, and those that hold an unusual escape or a control character. If it took
    several lines for one (a string in the first has no end), they are all lines.
    """
    codes = np.frombuffer(lines, np.uint8)
    control = np.flatnonzero(codes < _FIRST_PRINTABLE)
    is_end = codes[control] == ord("\n")
    ends = control[is_end]
    if len(ends) != len(literals):
        return ends, range(len(ends))
    doubtful = [*control[~is_end].tolist(), *(match.start() for match in _UNUSUAL_ESCAPE.finditer(lines))]
    unmatched = (row for row, literal in enumerate(literals) if literal is None)
    return ends, sorted({*unmatched, *np.searchsorted(ends, doubtful).tolist()})


def _check_encoding(lines: bytes, path: Path, first_line: int) -> None:
    if lines.isascii():
        return
    try:
        lines.decode()
    except UnicodeDecodeError as error:
        number = first_line + lines.count(b"\n", 0, error.start)
        raise RawDataError(f"{path}, line {number}: is not UTF-8 text ({error.reason}).") from error


def _strings(literals: Sequence[bytes | None], replacements: dict[int, str | None]) -> pa.Array:
    """Return what the literals (with quotes, without prefix) stand for; where there is none, the row's replacement."""
    quoted = pa.array(literals, pa.binary())
    escaped = np.flatnonzero(pc.match_substring(quoted, b"\\"))
    unescaped = zip(escaped.tolist(), map(_unescape, quoted.take(pa.array(escaped)).to_pylist()), strict=True)
    replacements = replacements | dict(unescaped)
    mask = np.zeros(len(literals), dtype=bool)
    mask[list(replacements)] = True
    in_order = [value for _, value in sorted(replacements.items())]
    strings = pc.binary_slice(quoted, 1, -1).cast(pa.string())
    return pc.replace_with_mask(strings, pa.array(mask), pa.array(in_order, pa.string()))


def _unescape(literal: bytes) -> str | None:
    """Return what a string literal stands for whose escapes are all usual; null if that is no valid Unicode."""
    text = literal[1:-1].decode().encode("ascii", "backslashreplace").decode("unicode_escape")
    return text if _is_unicode(text) else None


def _evaluate(line: bytes, path: Path, number: int) -> dict[object, object]:
    if len(line) > _LONGEST_EVALUATED:
        raise RawDataError(
            f"{path}, line {number}: has {len(line):,} bytes, of which the first are {line[:50]!r}, expected at most "
            f"{_LONGEST_EVALUATED:,} in one record. Check that it is the file that the data set's page offers."
        )
    try:
        with warnings.catch_warnings():
            # A backslash that escapes nothing stands for itself; Python warns of it as if it were somebody's source.
            warnings.simplefilter("ignore")
            record = ast.literal_eval(line.decode())
    except _REFUSALS as error:
        raise RawDataError(f"{path}, line {number}: is no Python literal ({error}).") from error
    if not isinstance(record, dict):
        raise RawDataError(f"{path}, line {number}: is a {type(record).__name__}, expected a dict.")
    return record


def _string(value: object, field: str, path: Path, number: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise RawDataError(f"{path}, line {number}: '{field}' is {value!r:.50}, expected a string.")
    return value if _is_unicode(value) else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
