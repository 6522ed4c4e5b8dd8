"""Cuts users' item sequences into histories and targets."""

import logging
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.artifacts.schemas import SEQUENCES
from ilora.data.splits import SPLITS

logger = logging.getLogger(__name__)

_Ids = npt.NDArray[np.int64]


def cut_windows(
    interactions: pa.Table, split_of_user: Mapping[str, str], *, minimum_history: int, maximum_history: int
) -> pa.Table:
    """Return every training user's windows, and of every val and test user the window of the last item.

    The window of an item is the item as target and the at most `maximum_history` items before it as history.
    Windows with fewer than `minimum_history` items of history are dropped, in all splits.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        split_of_user: raw user id -> "train", "val" or "test".
        minimum_history: at least 1.
        maximum_history: at least `minimum_history`.

    Returns:
        A table of schema `SEQUENCES`: all of train, then val, then test, each in the order of `interactions`.

    Raises:
        ValueError: the bounds are impossible, a user's rows are not together, or a split has no window.
    """
    if not 1 <= minimum_history <= maximum_history:
        raise ValueError(f"The history needs 1 <= minimum <= maximum, found {minimum_history} and {maximum_history}.")
    user_ids = interactions["user_id"].to_numpy()
    positions, is_last = _positions(user_ids)
    splits = np.array([split_of_user[user] for user in interactions["raw_user_id"].to_pylist()])
    long_enough = positions >= minimum_history
    rows_of = {
        split: np.flatnonzero((splits == split) & long_enough & (is_last | (split == "train"))) for split in SPLITS
    }
    _report(rows_of, splits, positions, is_last)
    targets = np.concatenate([rows_of[split] for split in SPLITS])
    item_ids = interactions["item_id"].to_numpy()
    columns = {
        "sequence_id": pa.array(np.arange(len(targets), dtype=np.int32)),
        "split": pa.array([split for split in SPLITS for _ in rows_of[split]], pa.string()),
        "user_id": pa.array(user_ids[targets]),
        "history": _histories(item_ids, targets, np.minimum(positions[targets], maximum_history)),
        "target": pa.array(item_ids[targets]),
    }
    return pa.table(columns, schema=SEQUENCES)


def _positions(user_ids: npt.NDArray[np.int32]) -> tuple[_Ids, npt.NDArray[np.bool_]]:
    """Return each row's position (from 0) in its user's sequence, and whether it is the last there."""
    is_first = np.ones(len(user_ids), dtype=bool)
    is_first[1:] = user_ids[1:] != user_ids[:-1]
    starts = np.flatnonzero(is_first)
    if len(starts) != len(np.unique(user_ids)):
        raise ValueError("The rows of a user are not together: order the interactions by user before cutting windows.")
    lengths = np.diff(np.append(starts, len(user_ids)))
    return np.arange(len(user_ids)) - np.repeat(starts, lengths), np.append(is_first[1:], True)


def _histories(item_ids: npt.NDArray[np.int32], targets: _Ids, lengths: _Ids) -> pa.ListArray:
    """Return, for each target's row, the `lengths` items just before it, as one list each."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.repeat(targets - lengths - offsets[:-1], lengths) + np.arange(offsets[-1])
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(item_ids[rows]))


def _report(
    rows_of: Mapping[str, _Ids], splits: npt.NDArray[np.str_], positions: _Ids, is_last: npt.NDArray[np.bool_]
) -> None:
    for split, rows in rows_of.items():
        in_split = splits == split
        users = np.count_nonzero(in_split & is_last)
        logger.info(
            "windows, %s: %d interactions of %d users in, %d windows out",
            split,
            np.count_nonzero(in_split),
            users,
            len(rows),
        )
        if not len(rows):
            longest = int(positions[in_split].max(initial=-1)) + 1
            raise ValueError(
                f"No user of the split '{split}' has enough history for a window (the longest sequence has"
                f" {longest} items). Lower data.minimum_history or use more data."
            )
