"""Examples of a generator: histories as ids, and the ids of their targets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from ilora.data.sequences import SequenceTable
from ilora.generative.vocabulary import PADDING, Vocabulary
from ilora.llm.model.collation import pad_right


@dataclass(frozen=True)
class IdExample:
    """One sequence in tokens.

    Attributes:
        input_ids: tokens of the user, if users have tokens, and of the history, oldest first.
        labels: tokens of the target.
    """

    input_ids: Sequence[int]
    labels: Sequence[int]


class IdExamples(Dataset[IdExample]):
    """Selected sequences in tokens.

    Args:
        sequences: all sequences.
        rows: ids of the selected sequences, in order.
        tokens: tokens of each item, int64 (items, levels).
        vocabulary: vocabulary of the tokens.
        maximum_history: number of latest items of a history that are used.
    """

    def __init__(
        self,
        sequences: SequenceTable,
        rows: np.ndarray,
        tokens: torch.Tensor,
        vocabulary: Vocabulary,
        maximum_history: int,
    ) -> None:
        self._sequences = sequences
        self._rows = rows
        self._tokens: list[list[int]] = tokens.tolist()
        self._vocabulary = vocabulary
        self._maximum_history = maximum_history

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, position: int) -> IdExample:
        row = int(self._rows[position])
        history = self._sequences.histories[row][-self._maximum_history :]
        user = self._vocabulary.user_token(self._sequences.keys[row].raw_user_id)
        read = [token for item in history for token in self._tokens[item]]
        return IdExample([*user, *read], self._tokens[int(self._sequences.targets[row])])


class ShuffledExamples(Dataset[IdExample]):
    """Examples in training order: as many passes as needed, each in its own order.

    Args:
        examples: examples of the training split.
        length: total number of examples.
        seed: random seed of the orders; each order is a pure function of the seed and the pass.
    """

    def __init__(self, examples: IdExamples, length: int, seed: int) -> None:
        self._examples = examples
        self._length = length
        passes = math.ceil(length / len(examples))
        self._orders = [np.random.default_rng([seed, number]).permutation(len(examples)) for number in range(passes)]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: int) -> IdExample:
        number, place = divmod(position, len(self._examples))
        return self._examples[int(self._orders[number][place])]


def collate(examples: Sequence[IdExample]) -> dict[str, torch.Tensor]:
    """Collate examples into the keyword arguments of `Generator.forward`, padded on the right."""
    return {
        "input_ids": pad_right([example.input_ids for example in examples], PADDING),
        "attention_mask": pad_right([[1] * len(example.input_ids) for example in examples], 0),
        "labels": torch.tensor([list(example.labels) for example in examples]),
    }
