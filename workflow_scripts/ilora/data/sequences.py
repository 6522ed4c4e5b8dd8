"""Sequences in memory, each with the key that identifies it whatever ids it was given."""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES


@dataclass(frozen=True)
class SequenceKey:
    """What identifies a sequence in the raw data: it stays when users are added, removed or numbered anew.

    Attributes:
        split: "train", "val" or "test".
        raw_user_id: the user's id in the raw data.
        position: of the target in the user's whole sequence, from 0.
    """

    split: str
    raw_user_id: str
    position: int


@dataclass(frozen=True)
class SequenceTable:
    """All sequences of a data set and protocol; every attribute but the last has one entry per sequence_id.

    Attributes:
        keys: what identifies each sequence.
        user_ids: int32 [sequences].
        histories: item ids, oldest first; at most as many as the protocol's longest history.
        targets: int32 [sequences], item ids.
        number_of_items: in the whole catalogue; item ids run from 0 to one less.
    """

    keys: list[SequenceKey]
    user_ids: npt.NDArray[np.int32]
    histories: list[list[int]]
    targets: npt.NDArray[np.int32]
    number_of_items: int

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Return the sequence ids of one split, ascending."""
        return np.flatnonzero([key.split == split for key in self.keys])


def read_sequences(sequences_path: str | os.PathLike[str], interactions_path: str | os.PathLike[str]) -> SequenceTable:
    """Read `sequences.parquet` with the `interactions.parquet` that it was made from.

    Raises:
        FileNotFoundError, ArtifactError: as `read_table` raises them.
        ValueError: the sequences were not made from these interactions.
    """
    return sequence_table(read_table(sequences_path, SEQUENCES), read_table(interactions_path, INTERACTIONS))


def sequence_table(sequences: pa.Table, interactions: pa.Table) -> SequenceTable:
    """Return the sequences of a table of schema `SEQUENCES`, with their keys looked up in `INTERACTIONS`.

    Raises:
        ValueError: a user has an item twice, ids are not dense, or a target is not among its user's items.
    """
    if sequences["sequence_id"].to_pylist() != list(range(sequences.num_rows)):
        raise ValueError("The sequence ids are not 0, 1, 2, ... in order.")
    position_of, raw_user_of = _positions(interactions)
    user_ids, targets = sequences["user_id"].to_pylist(), sequences["target"].to_pylist()
    keys = []
    for split, user_id, target in zip(sequences["split"].to_pylist(), user_ids, targets, strict=True):
        if (user_id, target) not in position_of:
            raise ValueError(
                f"User {user_id} has a sequence with target {target}, but no interaction with that item:"
                " these sequences were made from other interactions."
            )
        keys.append(SequenceKey(split, raw_user_of[user_id], position_of[user_id, target]))
    return SequenceTable(
        keys=keys,
        user_ids=np.array(user_ids, dtype=np.int32),
        histories=sequences["history"].to_pylist(),
        targets=np.array(targets, dtype=np.int32),
        number_of_items=max(interactions["item_id"].to_pylist()) + 1,
    )


def _positions(interactions: pa.Table) -> tuple[dict[tuple[int, int], int], dict[int, str]]:
    """Return (user_id, item_id) -> position in the user's sequence, and user_id -> raw user id."""
    position_of: dict[tuple[int, int], int] = {}
    length_of: dict[int, int] = {}
    user_ids, item_ids = interactions["user_id"].to_pylist(), interactions["item_id"].to_pylist()
    for user_id, item_id in zip(user_ids, item_ids, strict=True):
        if (user_id, item_id) in position_of:
            raise ValueError(f"User {user_id} has item {item_id} twice; its position in the sequence is not unique.")
        position_of[user_id, item_id] = length_of.get(user_id, 0)
        length_of[user_id] = position_of[user_id, item_id] + 1
    return position_of, dict(zip(user_ids, interactions["raw_user_id"].to_pylist(), strict=True))
