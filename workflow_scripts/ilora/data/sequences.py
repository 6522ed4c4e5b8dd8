"""Sequences in memory, each with the key that identifies it whatever ids it was given."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.data.positions import Rows, locate


@dataclass(frozen=True, slots=True)
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
class SequenceIdentities:
    """The keys of some sequences, column by column: a list each, with an entry for every sequence.

    A million of these take a tenth of the memory, and of the time to make, of as many `SequenceKey`.
    """

    splits: list[str]
    raw_user_ids: list[str]
    positions: list[int]

    def __getitem__(self, rows: slice) -> "SequenceIdentities":
        """Return some of them."""
        return SequenceIdentities(self.splits[rows], self.raw_user_ids[rows], self.positions[rows])

    def key(self, row: int) -> SequenceKey:
        """Return the key of one sequence."""
        return SequenceKey(self.splits[row], self.raw_user_ids[row], self.positions[row])

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        """Yield split, raw user id and position of each sequence."""
        return zip(self.splits, self.raw_user_ids, self.positions, strict=True)


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
        ValueError: ids are not dense, or as `sequence_keys` raises it.
    """
    if not np.array_equal(sequences["sequence_id"].to_numpy(), np.arange(sequences.num_rows)):
        raise ValueError("The sequence ids are not 0, 1, 2, ... in order.")
    return SequenceTable(
        keys=sequence_keys(sequences, interactions),
        user_ids=sequences["user_id"].to_numpy(),
        histories=sequences["history"].to_pylist(),
        targets=sequences["target"].to_numpy(),
        number_of_items=count_items(interactions),
    )


def sequence_keys(sequences: pa.Table, interactions: pa.Table) -> list[SequenceKey]:
    """Return what identifies each of some sequences.

    Args and errors are those of `sequence_identities`.
    """
    return [SequenceKey(*identity) for identity in sequence_identities(sequences, interactions)]


def sequence_identities(sequences: pa.Table, interactions: pa.Table) -> SequenceIdentities:
    """Return what identifies each of some sequences, column by column.

    Args:
        sequences: rows of a table of schema `SEQUENCES`.
        interactions: the table of schema `INTERACTIONS` that they were made from.

    Raises:
        ValueError: a user has an item twice or rows that are not together, or a target is not among its user's items.
    """
    positions = locate(interactions["user_id"].to_numpy())
    rows = _rows_of_targets(sequences, interactions)
    return SequenceIdentities(
        splits=sequences["split"].to_pylist(),
        raw_user_ids=interactions["raw_user_id"].take(pa.array(rows)).to_pylist(),
        positions=positions.from_start[rows].tolist(),
    )


def count_items(interactions: pa.Table) -> int:
    """Return the number of items in the catalogue; each of them occurs in `interactions`."""
    return int(interactions["item_id"].to_numpy().max()) + 1


def _rows_of_targets(sequences: pa.Table, interactions: pa.Table) -> Rows:
    """Return the row of `interactions` that each sequence's target is, int64 [sequences]."""
    items = count_items(interactions)
    pairs = _pairs(interactions["user_id"], interactions["item_id"], items)
    order = np.argsort(pairs)
    ordered = pairs[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        user_id, item_id = divmod(int(ordered[twice[0]]), items)
        raise ValueError(f"User {user_id} has item {item_id} twice; its position in the sequence is not unique.")
    wanted = _pairs(sequences["user_id"], sequences["target"], items)
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    unknown = np.flatnonzero((ordered[places] != wanted) | (sequences["target"].to_numpy() >= items))
    if len(unknown):
        sequence = sequences.slice(int(unknown[0]), 1).to_pylist()[0]
        raise ValueError(
            f"User {sequence['user_id']} has a sequence with target {sequence['target']}, but no interaction with that"
            " item: these sequences were made from other interactions."
        )
    return order[places]


def _pairs(user_ids: pa.ChunkedArray, item_ids: pa.ChunkedArray, items: int) -> Rows:
    """Return one number for each (user, item), int64."""
    return user_ids.to_numpy().astype(np.int64) * items + item_ids.to_numpy()
