"""Windows of users' item sequences: histories and targets."""

import logging

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.artifacts.schemas import SEQUENCES
from ilora.data.positions import Rows, locate, runs
from ilora.data.splits import SPLITS, SplitOfTarget

logger = logging.getLogger(__name__)

# The windows of 10 million interactions contain 100 million items. They are cut in parts, so that the 64-bit row
# numbers need little memory, and the 32-bit offsets of an Arrow list never overflow.
_WINDOWS_PER_CHUNK = 2**20


def cut_windows(
    interactions: pa.Table, split_of_target: SplitOfTarget, *, minimum_history: int, maximum_history: int
) -> pa.Table:
    """Return the window of every interaction that is a target in some split.

    The window of an item has the item as target and up to `maximum_history` items before it as history. Windows with
    fewer than `minimum_history` items of history are dropped, in all splits.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        split_of_target: int8 [rows], an index into `SPLITS` or `NO_SPLIT`.
        minimum_history: at least 1.
        maximum_history: at least `minimum_history`.

    Returns:
        A table of schema `SEQUENCES`: all of train, then val, then test, each in the order of `interactions`.

    Raises:
        ValueError: the bounds are invalid, a user has an item twice or rows that are not together, or a split has no
            window.
    """
    if not 1 <= minimum_history <= maximum_history:
        raise ValueError(f"The history needs 1 <= minimum <= maximum, found {minimum_history} and {maximum_history}.")
    user_ids, item_ids = interactions["user_id"].to_numpy(), interactions["item_id"].to_numpy()
    history_lengths = locate(user_ids).from_start
    _check_distinct(user_ids, item_ids)
    targets_of = [
        _long_enough(split, np.flatnonzero(split_of_target == code), history_lengths, minimum_history)
        for code, split in enumerate(SPLITS)
    ]
    targets = np.concatenate(targets_of)
    columns = {
        "sequence_id": pa.array(np.arange(len(targets), dtype=np.int32)),
        "split": pa.chunked_array(
            [pa.repeat(split, len(rows)) for split, rows in zip(SPLITS, targets_of, strict=True)]
        ),
        "user_id": pa.array(user_ids[targets]),
        "raw_user_id": interactions["raw_user_id"].take(pa.array(targets)),
        "position": pa.array(history_lengths[targets].astype(np.int32)),
        "history": _histories(item_ids, targets, np.minimum(history_lengths[targets], maximum_history)),
        "target": pa.array(item_ids[targets]),
    }
    return pa.table(columns, schema=SEQUENCES)


def _check_distinct(user_ids: npt.NDArray[np.int32], item_ids: npt.NDArray[np.int32]) -> None:
    """Check that no user has an item twice; otherwise a held-out item could be trained on."""
    items = int(item_ids.max(initial=0)) + 1
    pairs = np.sort(user_ids.astype(np.int64) * items + item_ids)
    twice = np.flatnonzero(pairs[1:] == pairs[:-1])
    if len(twice):
        user_id, item_id = divmod(int(pairs[twice[0]]), items)
        raise ValueError(f"User {user_id} has item {item_id} twice, expected each item of a user once.")


def _long_enough(split: str, targets: Rows, history_lengths: Rows, minimum_history: int) -> Rows:
    kept = targets[history_lengths[targets] >= minimum_history]
    logger.info("windows, %s: %d targets in, %d windows out", split, len(targets), len(kept))
    if not len(kept):
        longest = int(history_lengths[targets].max(initial=0))
        raise ValueError(
            f"No target of the split '{split}' has {minimum_history} items of history (the longest history of"
            f" {len(targets)} targets has {longest}). Lower data.minimum_history or use more data."
        )
    return kept


def _histories(item_ids: npt.NDArray[np.int32], targets: Rows, lengths: Rows) -> pa.ChunkedArray:
    """Return, for each target's row, the list of the `lengths` items just before it."""
    chunks = []
    for first in range(0, len(targets), _WINDOWS_PER_CHUNK):
        part = slice(first, first + _WINDOWS_PER_CHUNK)
        rows = runs(targets[part] - lengths[part], lengths[part])
        offsets = np.concatenate([[0], np.cumsum(lengths[part])]).astype(np.int32)
        chunks.append(pa.ListArray.from_arrays(pa.array(offsets), pa.array(item_ids[rows])))
    return pa.chunked_array(chunks)
