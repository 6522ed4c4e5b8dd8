"""Sequence representations added to the batches of other collators."""

import pickle
from typing import Any

import pytest
import torch
from transformers import default_data_collator

from ilora.adapters import WithRepresentations

ROWS: list[dict[str, Any]] = [
    {"input_ids": [1, 2], "sequence_representations": [0.5, -1.0]},
    {"input_ids": [3, 4], "sequence_representations": [2.0, 0.0]},
]


def test_the_column_is_handed_on_beside_the_collators_own() -> None:
    collator = pickle.loads(pickle.dumps(WithRepresentations(default_data_collator)))  # as in worker processes
    batch = collator(ROWS)
    assert set(batch) == {"input_ids", "sequence_representations"}
    assert torch.equal(batch["sequence_representations"], torch.tensor([[0.5, -1.0], [2.0, 0.0]]))
    assert torch.equal(batch["input_ids"], torch.tensor([[1, 2], [3, 4]]))
    assert "sequence_representations" in ROWS[0]


def test_a_row_without_it_is_named() -> None:
    with pytest.raises(ValueError, match=r"sequence_representations: found rows .*remove_unused_columns=False"):
        WithRepresentations(default_data_collator)([ROWS[0], {"input_ids": [3, 4]}])
