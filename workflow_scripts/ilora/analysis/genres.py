"""Genres of items, for data sets that have them."""

import json
from collections.abc import Sequence


def item_genres(metadata: Sequence[str]) -> list[list[str]]:
    """Return the genres of every item, by item id; an empty list where none is known.

    Args:
        metadata: column `metadata` of a table of schema `ilora.artifacts.schemas.ITEMS`: JSON objects, whose key
            "genres" is read.
    """
    return [list(json.loads(entry).get("genres") or []) for entry in metadata]


def frequent_genre(history: Sequence[int], genres: Sequence[Sequence[str]], more_than: int) -> str | None:
    """Return the most frequent genre of a history if more than `more_than` items have it; ties go to the first by name.

    Args:
        history: item ids.
        genres: genres of every item, by item id.
        more_than: number of items that the genre must exceed.
    """
    counts: dict[str, int] = {}
    for item in history:
        for genre in genres[item]:
            counts[genre] = counts.get(genre, 0) + 1
    enough = {genre: count for genre, count in counts.items() if count > more_than}
    return min(enough, key=lambda genre: (-enough[genre], genre)) if enough else None
