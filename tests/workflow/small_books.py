"""Writes the invented data set of `studies/own_data.yaml`: ratings.csv and books.csv, with the quirks of real files.

To rewrite the files, run: python tests/workflow/small_books.py
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).with_name("small_books")
READERS = 50
BOOKS = 60
SEED = 0

_FIRST = ("Glass", "Salt", "Seven", "Borrowed", "Distant", "Copper")
_SECOND = ("Lanterns", "Tides", "Winters", "Maps", "Gardens", "Bells", "Letters", "Orchards", "Rivers", "Doors")
#: By position: a comma and quotes, a line break, a special token, a title inside another, none at all.
_UNUSUAL = {3: 'Maps, "Lost" and Found', 7: "Winters\nof Salt", 12: "<s> Doors </s>", 20: "Glass", 31: ""}


def books() -> list[tuple[str, str]]:
    """Return ISBN and title of every book."""
    titles = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    return [(f"978-{number:03d}", _UNUSUAL.get(number, title)) for number, title in enumerate(titles)]


def ratings() -> list[tuple[str, str, str, str]]:
    """Return reader, ISBN, stars, date: each reader begins near a favourite; some rows repeat, one has no date."""
    random_numbers = random.Random(SEED)
    rows = []
    for reader in range(READERS):
        favourite = random_numbers.randrange(BOOKS)
        day = datetime(2020, 1, 1, 12, tzinfo=UTC) + timedelta(days=reader)
        for position, offset in enumerate(random_numbers.sample(range(25), k=random_numbers.randint(7, 16))):
            stars = random_numbers.choice(("2", "3", "4", "5", "5"))
            date = (day + timedelta(days=9 * position)).strftime("%Y-%m-%d %H:%M:%S")
            rows.append((f"reader-{reader}", f"978-{(favourite + offset) % BOOKS:03d}", stars, date))
    rows += rows[::40]
    rows.append(("reader-0", "978-000", "5", ""))
    random_numbers.shuffle(rows)
    return rows


def contents() -> dict[str, bytes]:
    """Return the files by name."""
    return {
        "ratings.csv": _csv(("reader", "isbn", "stars", "date"), ratings()),
        "books.csv": _csv(("isbn", "title"), books()),
    }


def _csv(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in contents().items():
        (FOLDER / name).write_bytes(content)
