"""Lists of ids that the library ships about released files: the split of the users, and the items that are kept.

They were found by matching the released files with the raw ones; the files in `released` document this in lines that
begin with #.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ilora.data.splits import UserSplit, hold_out_users

FOLDER = Path(__file__).with_name("released")


def released_split(name: str) -> UserSplit:
    """Return the split of users defined by a file of validation and test users; it is read when users are split."""

    def split(raw_user_ids: Iterable[str]) -> dict[str, str]:
        return hold_out_users(raw_user_ids, {row["raw_user_id"]: row["split"] for row in _rows(name)})

    return split


def released_items(name: str) -> list[str]:
    """Return the raw ids in a file of items, in its order."""
    return [row["raw_item_id"] for row in _rows(name)]


def digests(names: tuple[str, ...]) -> dict[str, str]:
    """Return the hexadecimal SHA-256 of each of these files, for the ``params`` of rules that read them."""
    return {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in names}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))
