"""Reading of prepared sequences as a table of interactions.

The file is a JSON object ``{"user": [item, item, ...], ...}`` with each user's item ids in time order, the format in
which the data of several generative recommenders (LETTER, arXiv 2405.07314) are released. Positions in the sequence
serve as timestamps.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from ilora.data.raw import RawDataError

#: Names of the columns of these interactions.
COLUMNS = ("user_id", "item_id", "timestamp")


def read_ready_sequences(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Yield, for each interaction, the user's number, from 1, and (user, item, position), with positions from 0.

    Raises:
        RawDataError: the file is not a JSON object of lists of ids (text or whole numbers), or has a user twice or
            without items; the message names the file and the user.
    """
    try:
        users = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise RawDataError(f"{path}: is not a JSON object of users and their items ({error}).") from error
    if not isinstance(users, dict):
        raise RawDataError(f"{path}: contains a {type(users).__name__}, expected an object of users and their items.")
    for number, (user, items) in enumerate(users.items(), start=1):
        if not isinstance(items, list) or not items or not all(_is_id(item) for item in items):
            raise RawDataError(f"{path}, user '{user}': found {items!r:.50}, expected a list of ids in time order.")
        for place, item in enumerate(items):
            yield number, (user, str(item), str(place))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice}' occurs twice")
    return found


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
