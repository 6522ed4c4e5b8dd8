"""What is known of an item as text: level by level (CoFiRec, arXiv 2511.22707), or all at once (TIGER, 2305.05065)."""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

#: What an item's metadata calls its categories: the first name that it has.
_CATEGORIES = ("genres", "categories")

#: Stands for what an item lacks and other items of the data set have.
UNKNOWN = "unknown"


def level_texts(catalogue: pa.Table) -> dict[str, list[str]]:
    """Return the texts of all items by level, coarse to fine; a level that no item has is left out.

    Args:
        catalogue: table of the ITEMS schema.

    Returns:
        Of each level one text per item, by item id, none empty.
    """
    metadata = _metadata(catalogue)
    levels = {
        "category": [_first(of_item, _CATEGORIES) for of_item in metadata],
        "title": catalogue["title"].to_pylist(),
        "description": [_first(of_item, ("description",)) for of_item in metadata],
    }
    return {level: [text or UNKNOWN for text in texts] for level, texts in levels.items() if any(texts)}


def item_texts(catalogue: pa.Table) -> list[str]:
    """Return one text for each item, by item id: its title, brand, category and price, as far as they are known.

    These are what TIGER's ids are made of (section 4).
    """
    titles = catalogue["title"].to_pylist()
    keys: list[Sequence[str]] = [("brand",), _CATEGORIES, ("price",)]
    return [
        ". ".join(part for part in (title, *(_first(of_item, names) for names in keys)) if part) or UNKNOWN
        for title, of_item in zip(titles, _metadata(catalogue), strict=True)
    ]


def _metadata(catalogue: pa.Table) -> list[Mapping[str, object]]:
    return [json.loads(text) for text in catalogue["metadata"].to_pylist()]


def _first(metadata: Mapping[str, object], names: Sequence[str]) -> str:
    """Return the first of these entries that says something, as one text; empty if none does."""
    texts = (_text(metadata.get(name)) for name in names)
    return next((text for text in texts if text), "")


def _text(entry: object) -> str:
    """Return an entry as text; lists, and lists of lists, such as paths of categories, with commas."""
    if isinstance(entry, list):
        return ", ".join(text for part in entry if (text := _text(part)))
    return "" if entry is None else str(entry).strip()
