"""Films, ratings and terms of use that the MovieLens data sets share, independent of the layout of their files."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, Line

_TITLE_WITH_YEAR = re.compile(r"(?P<title>.*?)\s*\((?P<year>\d{4})\)\s*")
# Articles to move, at the end of a title or of a title in parentheses.
_ARTICLE_AT_END = re.compile(r"(?P<title>[^()]+), (?P<article>The|An|A)(?P<after>\s*(?:[()]|$))")


#: Terms and citations of GroupLens, the same for each of its data sets.
TERMS = (
    "For research. Publications that use the data acknowledge it.",
    "No endorsement by the University of Minnesota or GroupLens may be stated or implied.",
    "The data may not be passed on without separate permission.",
    "Commercial or revenue-bearing use needs permission from a faculty member of GroupLens.",
    "There is no warranty of correctness or fitness.",
)
CITATIONS = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872",
)


@dataclass(frozen=True)
class Film:
    """A film as described by a line.

    Attributes:
        line: the line, whose first field is the film's id.
        title: the title without its year.
        year: the year; None if it is unknown.
        genres: names of the genres.
    """

    line: Line
    title: str
    year: int | None
    genres: list[str]


def title_and_year(title: str) -> tuple[str, int | None]:
    """Return a title without the year in parentheses at its end, and the year or None."""
    match = _TITLE_WITH_YEAR.fullmatch(title)
    return (match["title"], int(match["year"])) if match else (title, None)


def items_table(films: Iterable[Film]) -> pa.Table:
    """Return a table of schema `RAW_ITEMS`, with articles at the front of titles.

    Raises:
        RawDataError: an id is not a whole number, or is described twice.
    """
    rows: dict[str, dict[str, str]] = {}
    for film in films:
        raw_id = str(film.line.whole_number(0, "item id"))
        if raw_id in rows:
            raise film.line.error(f"item {raw_id} is described twice")
        genres = [genre for genre in film.genres if genre != "unknown"]
        metadata = json.dumps({"genres": genres, "year": film.year}, ensure_ascii=False)
        rows[raw_id] = {"raw_id": raw_id, "title": _article_first(film.title), "metadata": metadata}
    return pa.Table.from_pylist(list(rows.values()), schema=RAW_ITEMS)


def _article_first(title: str) -> str:
    return _ARTICLE_AT_END.sub(r"\g<article> \g<title>\g<after>", title)


def ratings_table(lines: Iterable[Line], known_items: set[str]) -> pa.Table:
    """Return a table of schema `RAW_INTERACTIONS`, in the order of the lines.

    Args:
        lines: lines with user, film, rating and time.
        known_items: ids of the films that are described.

    Raises:
        RawDataError: a field is malformed, a film is not described, or a user rates one twice.
    """
    seen: set[tuple[str, str]] = set()
    rows = []
    for line in lines:
        user, item = str(line.whole_number(0, "user id")), str(line.whole_number(1, "item id"))
        if item not in known_items:
            raise line.error(f"item {item} is rated, but the file of items does not describe it")
        if (user, item) in seen:
            raise line.error(f"user {user} rates item {item} twice")
        seen.add((user, item))
        timestamp = line.whole_number(3, "timestamp")
        rows.append({"raw_user_id": user, "raw_item_id": item, "rating": _rating(line), "timestamp": timestamp})
    return pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS)


def _rating(line: Line) -> float:
    text = line.fields[2]
    try:
        rating = float(text)
    except ValueError:
        rating = math.nan
    if not math.isfinite(rating):
        raise line.error(f"the rating is '{text}', expected a number")
    return rating
