"""Reads a table that names the split of each user: a published split, to be compared on."""

import logging
from pathlib import Path

from ilora.data.splits import SPLITS
from ilora.data.table_files import TextForm, error_at, read_columns
from ilora.data.tabular import NO_ID

logger = logging.getLogger(__name__)


def read_user_splits(path: Path, user: str, split: str, form: TextForm) -> dict[str, str]:
    """Return the split of every user that a table names: raw user id -> "train", "val" or "test".

    A user may stand in several rows, as in a table of interactions, with the same split in all. Rows that lack the user
    or the split are dropped, counted and logged.

    Args:
        path: of a format that `read_columns` reads.
        user: name of the column of user ids.
        split: name of the column of splits.
        form: of a text file.

    Raises:
        FileNotFoundError: there is no such file.
        RawDataError: a row has another word for a split, or another split than a row before it for the same user, or as
            `read_columns` raises it.
    """
    splits: dict[str, str] = {}
    total = dropped = 0
    for number, fields in read_columns(path, [user, split], form, exact=[user]):
        total += 1
        name, word = (field.strip() for field in fields)
        if name.lower() in NO_ID or word.lower() in NO_ID:
            dropped += 1
        elif word not in SPLITS:
            raise error_at(path, number, f"the split of user {name} is '{word}', expected one of {', '.join(SPLITS)}")
        elif splits.setdefault(name, word) != word:
            raise error_at(
                path, number, f"user {name} is in the split '{word}', but on a row before in '{splits[name]}'"
            )
    logger.info("%s: %d rows in, %d that lack a value dropped, %d users out", path, total, dropped, len(splits))
    return splits
