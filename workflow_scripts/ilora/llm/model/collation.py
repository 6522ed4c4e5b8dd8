"""Collation of examples of different lengths into a batch of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ilora.adapters.labels import IGNORED_LABEL
from ilora.llm.prompts.builder import NO_ITEM


@dataclass(frozen=True)
class TrainingExample:
    """One prompt with its answer.

    ``token_ids``, ``behaviour`` and ``labels`` have the same length; ``gate_input`` is float32 (width,), or None.
    """

    token_ids: Sequence[int]
    behaviour: Sequence[int]
    labels: Sequence[int]
    gate_input: np.ndarray | None = None


def pad_right(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """Stack rows to int64 (rows, longest row), padded with ``value`` on the right."""
    padded = torch.full((len(rows), max(map(len, rows))), value, dtype=torch.int64)
    for row, values in enumerate(rows):
        padded[row, : len(values)] = torch.as_tensor(values)
    return padded


@dataclass(frozen=True)
class Collator:
    """Collator that produces the keyword arguments of `HybridLanguageModel.forward`."""

    padding_token_id: int

    def __call__(self, examples: Sequence[TrainingExample]) -> dict[str, torch.Tensor]:
        """Pad on the right, and stack gate inputs, if the examples have them, to (batch, width)."""
        batch = {
            "input_ids": pad_right([example.token_ids for example in examples], self.padding_token_id),
            "behaviour": pad_right([example.behaviour for example in examples], NO_ITEM),
            "labels": pad_right([example.labels for example in examples], IGNORED_LABEL),
            "attention_mask": pad_right([[1] * len(example.token_ids) for example in examples], 0),
        }
        gate_inputs = [example.gate_input for example in examples if example.gate_input is not None]
        if gate_inputs:
            batch["gate_inputs"] = torch.from_numpy(np.stack(gate_inputs))
        return batch
