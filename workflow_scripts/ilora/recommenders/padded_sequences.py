"""Sequences as tensors for RecBole's models.

RecBole reserves id 0 for padding, so item `i` is its token `i + 1`. The shift is applied only in this package; every
artifact contains our own ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

PADDING = 0
FIRST_ITEM = 1


@dataclass(frozen=True)
class PaddedSequences:
    """Histories and targets of sequences, in RecBole's tokens.

    Attributes:
        histories: int64 [sequences, maximum_history], oldest item first, padded at the end.
        lengths: int64 [sequences], number of items in each history.
        targets: int64 [sequences].
    """

    histories: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.targets)

    def rows(self, index: torch.Tensor | slice) -> PaddedSequences:
        """Return the sequences at `index`."""
        return PaddedSequences(self.histories[index], self.lengths[index], self.targets[index])

    def trimmed(self) -> PaddedSequences:
        """Return the same sequences, padded only to the longest of them; there is at least one."""
        return PaddedSequences(self.histories[:, : int(self.lengths.max())], self.lengths, self.targets)

    def to(self, device: torch.device) -> PaddedSequences:
        """Return the sequences on a device."""
        return PaddedSequences(self.histories.to(device), self.lengths.to(device), self.targets.to(device))


def pad_sequences(sequences: pa.Table, items: int, maximum_history: int) -> PaddedSequences:
    """Return the rows of a table of the SEQUENCES schema as tensors, in their order.

    Args:
        sequences: sequences, at least one.
        items: number of items in the data set; item ids are less than it.
        maximum_history: width of the histories.

    Raises:
        ValueError: there are no sequences, a history is empty or longer than `maximum_history`, or an item id
            is not in `0 .. items - 1`.
    """
    if sequences.num_rows == 0:
        raise ValueError("no sequences: expected at least one")
    lengths = pc.list_value_length(sequences["history"]).to_numpy()
    history_items = pc.list_flatten(sequences["history"]).to_numpy()
    targets = sequences["target"].to_numpy()
    _check(sequences, lengths, np.concatenate([history_items, targets]), items, maximum_history)
    histories = np.full((len(lengths), maximum_history), PADDING, dtype=np.int64)
    histories[np.arange(maximum_history) < lengths[:, None]] = history_items + FIRST_ITEM
    return PaddedSequences(
        histories=torch.from_numpy(histories),
        lengths=torch.from_numpy(lengths.astype(np.int64)),
        targets=torch.from_numpy(targets.astype(np.int64) + FIRST_ITEM),
    )


def _check(sequences: pa.Table, lengths: np.ndarray, used: np.ndarray, items: int, maximum_history: int) -> None:
    wrong = (lengths < 1) | (lengths > maximum_history)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"sequence {sequences['sequence_id'][row].as_py()} has {lengths[row]} items of history, "
            f"expected 1 to {maximum_history}"
        )
    if used.min() < 0 or used.max() >= items:
        raise ValueError(
            f"sequences contain item ids from {used.min()} to {used.max()}, but the data set has {items} items, "
            f"0 to {items - 1}. Do the sequences and the items belong together?"
        )
