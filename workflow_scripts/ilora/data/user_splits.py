"""Reading of a table that lists the split of each user, such as a published split."""

import logging
from pathlib import Path

from ilora.data.splits import SPLITS
from ilora.data.table_files import TextForm, error_at, read_columns
from ilora.data.tabular import NO_ID

logger = logging.getLogger(__name__)


def read_user_splits(path: Path, user: str, split: str, form: TextForm) -> dict[str, str]:
    """Return the split of every user in a table: raw user id -> "train", "val" or "test".

    A user may occur in several rows, as in a table of interactions, with the same split in all of them. Rows without a
    user or a split are dropped, counted and logged.

    Args:
        path: file in a format of `read_columns`.
        user: name of the column of user ids.
        split: name of the column of splits.
        form: format of a text file.

    Raises:
        FileNotFoundError: there is no such file.
        RawDataError: a row has an unknown split, or a different split from an earlier row of the same user; see also
            `read_columns`.
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
                path, number, f"user {name} is in the split '{word}' here, but in '{splits[name]}' in an earlier row"
            )
    logger.info("%s: %d rows in, %d with a missing value dropped, %d users out", path, total, dropped, len(splits))
    return splits
