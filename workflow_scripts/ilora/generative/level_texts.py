"""An item's information as text, by level (CoFiRec, arXiv 2511.22707) or in one text (TIGER, arXiv 2305.05065)."""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

#: Names of categories in an item's metadata; the first that is present is used.
_CATEGORIES = ("genres", "categories")

#: Text for information that an item lacks but other items of the data set have.
UNKNOWN = "unknown"


def level_texts(catalogue: pa.Table) -> dict[str, list[str]]:
    """Return the texts of all items by level, coarse to fine, without levels that no item has.

    Args:
        catalogue: table of the ITEMS schema.

    Returns:
        For each level, one non-empty text per item, by item id.
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

    TIGER's ids are computed from these fields (section 4).
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
    """Return the first non-empty of these entries as one text; empty if there is none."""
    texts = (_text(metadata.get(name)) for name in names)
    return next((text for text in texts if text), "")


def _text(entry: object) -> str:
    """Return an entry as text; (nested) lists, such as category paths, are joined with commas."""
    if isinstance(entry, list):
        return ", ".join(text for part in entry if (text := _text(part)))
    return "" if entry is None else str(entry).strip()
