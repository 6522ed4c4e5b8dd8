"""Genres of items, where a data set knows them."""

import json
from collections.abc import Sequence


def item_genres(metadata: Sequence[str]) -> list[list[str]]:
    """Return the genres of every item, by item id; an empty list where none is known.

    Args:
        metadata: the column of that name in a table of schema `ilora.artifacts.schemas.ITEMS`: JSON objects, of which
            "genres" is read.
    """
    return [list(json.loads(entry).get("genres") or []) for entry in metadata]


def frequent_genre(history: Sequence[int], genres: Sequence[Sequence[str]], more_than: int) -> str | None:
    """Return the genre that most items of a history have, if more than so many have it; the first by name of several.

    Args:
        history: item ids.
        genres: of every item, by item id.
        more_than: how many items must be exceeded.
    """
    counts: dict[str, int] = {}
    for item in history:
        for genre in genres[item]:
            counts[genre] = counts.get(genre, 0) + 1
    enough = {genre: count for genre, count in counts.items() if count > more_than}
    return min(enough, key=lambda genre: (-enough[genre], genre)) if enough else None
