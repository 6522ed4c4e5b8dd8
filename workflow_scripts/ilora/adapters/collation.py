"""Sequence representations in the batches of third-party collators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_COLUMN = "sequence_representations"


@dataclass(frozen=True)
class WithRepresentations:
    """A collator that keeps the column ``sequence_representations``, which collators of TRL and transformers may drop.

    Attributes:
        collator: collates all other columns; any collator that transformers' Trainer or TRL's SFTTrainer accepts.
    """

    collator: Callable[[list[dict[str, Any]]], Mapping[str, Any]]

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Collate rows into a batch, with z of shape (rows, d).

        Raises:
            ValueError: if a row has no z.
        """
        if not all(_COLUMN in row for row in rows):
            raise ValueError(
                f"{_COLUMN}: found rows without this column, expected z in each row: add it to the data set, and set "
                "remove_unused_columns=False, so that the trainer keeps it"
            )
        others = [{name: value for name, value in row.items() if name != _COLUMN} for row in rows]
        representations = torch.stack([torch.as_tensor(row[_COLUMN]) for row in rows])
        return {**self.collator(others), _COLUMN: representations}
