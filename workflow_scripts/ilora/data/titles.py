"""Cleaning of titles: each must be non-empty and fit on one line of a prompt.

A newline ends a title in a prompt, and an answer; nothing else separates titles. So a title without control characters
is distinguishable from its neighbours whatever it contains. `ilora.llm.prompts.builder` treats text that looks like a
special token as ordinary text.
"""

import logging
import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.raw import RAW_ITEMS, RawData

logger = logging.getLogger(__name__)

#: Control characters, including tabs and newlines, and Unicode's line and paragraph separators.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Invisible Unicode categories: separators, control characters, and format characters such as U+FEFF.
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf"}


def check_titles(raw: RawData) -> RawData:
    """Return the data set with one-line titles, without the items that have no title.

    Control characters and line separators, with the spaces around them, become a single space, and white space at the
    ends is removed; other characters are kept. An item whose title is then invisible is dropped with its interactions.
    Titles that several items share are kept, because hits are counted by item. All changes are counted and logged.

    Raises:
        ValueError: no interaction is left.
    """
    titles = raw.items["title"].to_pylist()
    cleaned = [on_one_line(title) for title in titles]
    items = raw.items.set_column(
        raw.items.schema.get_field_index("title"), RAW_ITEMS.field("title"), pa.array(cleaned, pa.string())
    )
    items = items.filter(pc.not_equal(items["title"], ""))
    named = pc.is_in(raw.interactions["raw_item_id"], value_set=items["raw_id"].combine_chunks())
    interactions = raw.interactions.filter(named)
    shared = items.num_rows - pc.count_distinct(items["title"]).as_py()
    logger.info(
        "titles: %d items in, %d without a title dropped with %d interactions, %d titles altered to fit on a line, "
        "%d items share the title of another",
        len(titles),
        len(titles) - items.num_rows,
        raw.interactions.num_rows - interactions.num_rows,
        sum(title != line for title, line in zip(titles, cleaned, strict=True)),
        shared,
    )
    if not interactions.num_rows:
        raise ValueError(
            f"None of the {raw.interactions.num_rows} interactions has an item with a title. "
            "Check that interactions and items use the same item ids."
        )
    return RawData(interactions, items)


def on_one_line(title: str) -> str:
    """Return a title as cleaned by `check_titles`; "" if it is invisible."""
    line = " ".join(_BREAKS.sub(" ", title).split()) if _BREAKS.search(title) else title.strip()
    return "" if all(unicodedata.category(character) in _UNSEEN for character in line) else line


def normalise_title(title: str) -> str:
    """Return the form in which titles are compared: NFC, single spaces, and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", title).split())
