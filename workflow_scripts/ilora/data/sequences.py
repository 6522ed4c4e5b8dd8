"""Sequences in memory, each with a key that identifies it independent of its assigned ids."""

import os
from collections.abc import Iterator
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
class SequenceIdentities:
    """The keys of several sequences in columns, one list per field.

    For a million sequences, this takes a tenth of the memory and time of `SequenceKey` objects.
    """

    splits: list[str]
    raw_user_ids: list[str]
    positions: list[int]

    def __getitem__(self, rows: slice) -> "SequenceIdentities":
        """Return the identities in a slice."""
        return SequenceIdentities(self.splits[rows], self.raw_user_ids[rows], self.positions[rows])

    def key(self, row: int) -> SequenceKey:
        """Return the key of one sequence."""
        return SequenceKey(self.splits[row], self.raw_user_ids[row], self.positions[row])

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        """Yield split, raw user id and position of each sequence."""
        return zip(self.splits, self.raw_user_ids, self.positions, strict=True)


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
    return [SequenceKey(*identity) for identity in sequence_identities(sequences)]


def sequence_identities(sequences: pa.Table) -> SequenceIdentities:
    """Return the keys of the rows of a table of schema `SEQUENCES`, in columns."""
    return SequenceIdentities(
        splits=sequences["split"].to_pylist(),
        raw_user_ids=sequences["raw_user_id"].to_pylist(),
        positions=sequences["position"].to_pylist(),
    )
