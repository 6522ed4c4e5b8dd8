"""Reading of a user's own data set: a table of interactions and a table of titles.

Rows with problems are handled as follows:

- A row with a missing value (empty, null, NaN, None, <NA>; in a numeric column also NA) is dropped, as is an
  interaction with an item that is not in the table of titles. Dropped rows are counted and logged.
- An invalid value is an error, with the file and line: text instead of a number, an infinite rating, a time before
  1970, after 2100 or in a unit other than the configured one, an id with a control character, or a second title for
  the same item (after normalisation; an empty title does not count).
- A table without rows, or with no rows left, is an error too.

Repeated interactions (same user and item) are handled by the recipe, titles by `ilora.data.titles`, and the format of
the files by `ilora.data.table_files`.
"""

import logging
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData, RawDataError
from ilora.data.table_files import TextForm, error_at, read_columns
from ilora.data.titles import normalise_title, on_one_line

logger = logging.getLogger(__name__)

Unit = Literal["seconds", "milliseconds", "microseconds", "nanoseconds"]
Timestamps = Literal["seconds", "milliseconds", "microseconds", "nanoseconds", "dates"]

#: Usual spellings of a missing value, in lower case. NA may be a real id.
NO_ID = {"", "nan", "null", "none", "<na>"}
_NO_NUMBER = NO_ID | {"na", "n/a", "nat"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_END_OF_TIME = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
_TICKS_PER_SECOND: dict[Unit, int] = {
    "seconds": 1,
    "milliseconds": 10**3,
    "microseconds": 10**6,
    "nanoseconds": 10**9,
}


@dataclass(frozen=True)
class TabularColumns:
    """Names of the columns: the first four in the interactions, the last two in the items.

    Attributes:
        user: the user's id.
        item: the item's id.
        timestamp: time of the interaction.
        rating: the user's rating; None if ratings are not needed.
        item_id: the item's id.
        title: the item's title, as shown in prompts.
    """

    user: str
    item: str
    timestamp: str
    rating: str | None
    item_id: str
    title: str


def read_tabular(
    interactions: Path,
    items: Path,
    *,
    columns: TabularColumns,
    timestamps: Timestamps,
    form: TextForm,
) -> RawData:
    """Return the interactions and items of two files in the formats of `read_columns`.

    Args:
        interactions: file with one row per interaction.
        items: file with one row per item, which need not occur; may be the same file.
        columns: names of the columns in the two files.
        timestamps: format of the times: a number of these units since 1970, or dates (and times) in ISO 8601, in UTC
            if no zone is given. Fractions of a second are truncated.
        form: format of text files.

    Returns:
        Interactions in the order of the file, with a null `rating` if ratings are not needed. Items without a title
        have the title "". `metadata` is empty.

    Raises:
        FileNotFoundError: a file is missing.
        RawDataError: see the description of this module, and `read_columns`.
    """
    described = _read_items(items, columns, form)
    found = _read_interactions(interactions, columns, timestamps, form)
    known = found.filter(pc.is_in(found["raw_item_id"], value_set=described["raw_id"].combine_chunks()))
    if not known.num_rows:
        raise RawDataError(
            f"{interactions}: none of its items is in {items}. Its first item is '{found['raw_item_id'][0]}', but the "
            f"first item there is '{described['raw_id'][0]}': check the columns of item ids in data.own."
        )
    logger.info(
        "%s: %d interactions in, %d with an item that is not in %s dropped, %d out",
        interactions,
        found.num_rows,
        found.num_rows - known.num_rows,
        items,
        known.num_rows,
    )
    return RawData(known, described)


def _read_interactions(path: Path, columns: TabularColumns, timestamps: Timestamps, form: TextForm) -> pa.Table:
    exact = [columns.user, columns.item, columns.timestamp]
    names = [*exact, *([columns.rating] if columns.rating else [])]
    users: dict[str, str] = {}  # one string for each id, however often it occurs
    items: dict[str, str] = {}
    rows: tuple[list[str], list[str], list[float | None], list[int]] = ([], [], [], [])
    total = 0
    for number, fields in read_columns(path, names, form, exact=exact):
        total += 1
        user, item, time, *ratings = (field.strip() for field in fields)
        if {user.lower(), item.lower()} & NO_ID or any(text.lower() in _NO_NUMBER for text in (time, *ratings)):
            continue
        try:
            rows[0].append(users.get(user) or users.setdefault(user, _checked_id(user)))
            rows[1].append(items.get(item) or items.setdefault(item, _checked_id(item)))
            rows[2].append(_rating(ratings[0]) if ratings else None)
            rows[3].append(_seconds(time, timestamps))
        except ValueError as error:
            raise error_at(path, number, str(error)) from error
    logger.info("%s: %d rows in, %d with a missing value dropped", path, total, total - len(rows[0]))
    if not rows[0]:
        raise RawDataError(f"{path}: found {total} rows, expected at least one without missing values.")
    first, last = (datetime.fromtimestamp(time, UTC) for time in (min(rows[3]), max(rows[3])))
    logger.info("%s: times from %s to %s", path, first.isoformat(), last.isoformat())
    return pa.table(dict(zip(RAW_INTERACTIONS.names, rows, strict=True)), schema=RAW_INTERACTIONS)


def _read_items(path: Path, columns: TabularColumns, form: TextForm) -> pa.Table:
    titles: dict[str, str] = {}
    total = without_id = 0
    names = [columns.item_id, columns.title]
    for number, (item, title) in read_columns(path, names, form, exact=names[:1]):
        total += 1
        item = item.strip()
        if item.lower() in NO_ID:
            without_id += 1
            continue
        known = titles.setdefault(item, title)
        if known != title and not on_one_line(known):
            titles[item] = title
        elif known != title and on_one_line(title) and _compared(known) != _compared(title):
            raise error_at(path, number, f"item {item} is '{title}' here, but '{known}' in an earlier row")
    logger.info(
        "%s: %d rows in, %d without an id and %d that repeat another dropped, %d items out",
        path,
        total,
        without_id,
        total - without_id - len(titles),
        len(titles),
    )
    if not titles:
        raise RawDataError(f"{path}: found {total} rows, expected at least one with an id.")
    rows = [{"raw_id": item, "title": title, "metadata": "{}"} for item, title in titles.items()]
    return pa.Table.from_pylist(rows, schema=RAW_ITEMS)


def _compared(title: str) -> str:
    """Return the form in which titles of the catalogue are compared."""
    return normalise_title(on_one_line(title))


def _checked_id(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError(f"the id {text!r} contains a control character, expected none")
    return text


def _number(text: str, meaning: str) -> float:
    try:
        # Python also accepts 1_000, and digits of any script.
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"the {meaning} is '{text}', expected a number")
    return number


def _rating(text: str) -> float:
    return _number(text, "rating")


def _seconds(text: str, timestamps: Timestamps) -> int:
    """Return a time as whole seconds since 1970."""
    seconds = _seconds_of_date(text) if timestamps == "dates" else _seconds_of_number(text, timestamps)
    if seconds < 0:
        raise ValueError(f"the timestamp is '{text}', which is before 1970")
    if seconds > _END_OF_TIME:
        raise ValueError(f"the timestamp is '{text}', which is after the year 2100")
    return seconds


def _seconds_of_number(text: str, unit: Unit) -> int:
    # Whole numbers are read exactly: a float cannot represent every number of nanoseconds.
    ticks = int(text) if text.isascii() and text.isdecimal() else math.floor(_ticks(text))
    seconds, fitting = ticks // _TICKS_PER_SECOND[unit], _fitting_unit(ticks)
    if fitting is not None and fitting != unit and ticks > 0:
        read_as = "after the year 2100" if seconds > _END_OF_TIME else f"on {_day(seconds)}"
        raise ValueError(
            f"the timestamp is '{text}', which is {read_as} in {unit}, but on "
            f"{_day(ticks // _TICKS_PER_SECOND[fitting])} in {fitting}; for {fitting} set `timestamps: {fitting}` in "
            "data.own"
        )
    return seconds


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _fitting_unit(ticks: int) -> Unit | None:
    """Return the only unit in which a number is a time from February 1970 to 2100; None if there is none.

    Each unit has its own range, a thousand times that of the one before. Smaller numbers count as seconds.
    """
    return next((unit for unit, per_second in _TICKS_PER_SECOND.items() if ticks <= _END_OF_TIME * per_second), None)


def _ticks(text: str) -> float:
    try:
        return _number(text, "timestamp")
    except ValueError as error:
        raise ValueError(f"{error}; for dates set `timestamps: dates` in data.own") from error


def _seconds_of_date(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"the timestamp is '{text}', expected a date such as 2024-12-31 or 2024-12-31 23:59:59"
        ) from error
    return math.floor((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
