"""The whole item sequence of each training user, reassembled from the training windows."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def training_trajectories(sequences: pa.Table) -> list[list[int]]:
    """Return the item ids of each training user in order, one list per user.

    They are taken only from the training windows, so that no validation or test target can leak in under any protocol.
    A user with too few items for a window has no trajectory.

    Args:
        sequences: table of schema `SEQUENCES`; each training window of a user is one item later than the one before.

    Raises:
        ValueError: there are no training windows, or a user's are not consecutive.
    """
    windows = sequences.filter(pc.equal(sequences["split"], "train"))
    if windows.num_rows == 0:
        raise ValueError("no training sequences: expected at least one")
    trajectories: dict[int, list[int]] = {}
    for window in windows.select(["sequence_id", "user_id", "history", "target"]).to_pylist():
        trajectory = trajectories.setdefault(window["user_id"], list(window["history"]))
        history = window["history"]
        if trajectory[-len(history) :] != history:
            raise ValueError(
                f"training sequence {window['sequence_id']} does not continue the previous one of user "
                f"{window['user_id']}: its history must end with the target of that one"
            )
        trajectory.append(window["target"])
    return list(trajectories.values())


def item_counts(trajectories: Iterable[Iterable[int]], items: int) -> npt.NDArray[np.float64]:
    """Return how often each item occurs in the users' trajectories, float64 [items]."""
    occurring = np.fromiter((item for trajectory in trajectories for item in trajectory), dtype=np.int64)
    return np.bincount(occurring, minlength=items).astype(np.float64)
