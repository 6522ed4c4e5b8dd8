"""The text of each level of an item: its category, its title, its description (CoFiRec, arXiv 2511.22707)."""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

#: What an item's metadata calls its categories, its description: the first name that a data set has.
_CATEGORIES = ("genres", "categories", "tags")
_DESCRIPTIONS = ("description",)

#: Stands for what an item lacks and other items of the data set have.
UNKNOWN = "unknown"


def level_texts(catalogue: pa.Table) -> dict[str, list[str]]:
    """Return the texts of all items by level, coarse to fine; a level that no item has is left out.

    Args:
        catalogue: table of the ITEMS schema.

    Returns:
        Of each level one text per item, by item id, none empty.
    """
    metadata = [json.loads(text) for text in catalogue["metadata"].to_pylist()]
    levels = {
        "category": [_first(of_item, _CATEGORIES) for of_item in metadata],
        "title": catalogue["title"].to_pylist(),
        "description": [_first(of_item, _DESCRIPTIONS) for of_item in metadata],
    }
    return {level: [text or UNKNOWN for text in texts] for level, texts in levels.items() if any(texts)}


def item_texts(catalogue: pa.Table) -> list[str]:
    """Return everything that is known of each item as one text: its levels, coarse to fine (TIGER, section 4.1)."""
    return [". ".join(parts) for parts in zip(*level_texts(catalogue).values(), strict=True)]


def _first(metadata: Mapping[str, object], names: Sequence[str]) -> str:
    """Return the first of these entries that says something, as one text; empty if none does."""
    for name in names:
        entry = metadata.get(name)
        parts = [str(part).strip() for part in entry] if isinstance(entry, list) else [str(entry or "").strip()]
        text = ", ".join(part for part in parts if part)
        if text:
            return text
    return ""
