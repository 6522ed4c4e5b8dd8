"""Sequences in memory, each with a key that identifies it independent of its assigned ids."""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import SEQUENCES


@dataclass(frozen=True, slots=True)
class SequenceKey:
    """Identity of a sequence in the raw data, which does not change when users are added, removed or renumbered.

    Attributes:
        split: "train", "val" or "test".
        raw_user_id: the user's id in the raw data.
        position: position of the target in the user's whole sequence, from 0.
    """

    split: str
    raw_user_id: str
    position: int


@dataclass(frozen=True)
class SequenceTable:
    """All sequences of a data set and protocol; every attribute has one entry per sequence_id.

    Attributes:
        keys: key of each sequence.
        user_ids: int32 [sequences].
        histories: item ids, oldest first, up to the protocol's longest history.
        targets: item ids, int32 [sequences].
    """

    keys: list[SequenceKey]
    user_ids: npt.NDArray[np.int32]
    histories: list[list[int]]
    targets: npt.NDArray[np.int32]

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Return the sequence ids of one split, ascending."""
        return np.flatnonzero([key.split == split for key in self.keys])


def read_sequences(path: str | os.PathLike[str]) -> SequenceTable:
    """Read `sequences.parquet`.

    Raises:
        FileNotFoundError, ArtifactError: see `read_table`.
        ValueError: see `sequence_table`.
    """
    return sequence_table(read_table(path, SEQUENCES))


def sequence_table(sequences: pa.Table) -> SequenceTable:
    """Return the sequences of a table of schema `SEQUENCES`.

    Raises:
        ValueError: ids are not dense.
    """
    if not np.array_equal(sequences["sequence_id"].to_numpy(), np.arange(sequences.num_rows)):
        raise ValueError("The sequence ids are not 0, 1, 2, ... in order.")
    return SequenceTable(
        keys=sequence_keys(sequences),
        user_ids=sequences["user_id"].to_numpy(),
        histories=sequences["history"].to_pylist(),
        targets=sequences["target"].to_numpy(),
    )


def sequence_keys(sequences: pa.Table) -> list[SequenceKey]:
    """Return the key of each row of a table of schema `SEQUENCES`."""
    columns = (sequences[name].to_pylist() for name in ("split", "raw_user_id", "position"))
    return [SequenceKey(*values) for values in zip(*columns, strict=True)]
