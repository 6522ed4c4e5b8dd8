from typing import Any

import pyarrow as pa
import pytest

from ilora.artifacts.schemas import SEQUENCES
from ilora.recommenders.padded_sequences import pad_sequences


def _sequences(*histories_and_targets: tuple[list[int], int]) -> pa.Table:
    rows = [
        {"sequence_id": 40 + row, "split": "train", "user_id": 0, "history": history, "target": target}
        for row, (history, target) in enumerate(histories_and_targets)
    ]
    return pa.Table.from_pylist(rows, schema=SEQUENCES)


def test_item_i_is_token_i_plus_one_and_padding_is_zero_at_the_end() -> None:
    padded = pad_sequences(_sequences(([0, 4, 2], 3), ([1], 0)), items=5, maximum_history=4)

    assert padded.histories.tolist() == [[1, 5, 3, 0], [2, 0, 0, 0]]
    assert padded.lengths.tolist() == [3, 1]
    assert padded.targets.tolist() == [4, 1]
    assert padded.rows(slice(1, 2)).histories.tolist() == [[2, 0, 0, 0]]


def test_a_filtered_table_is_padded_like_a_fresh_one() -> None:
    table = _sequences(([0, 1], 2), ([3, 4], 0), ([2], 1))
    padded = pad_sequences(table.slice(1), items=5, maximum_history=2)
    assert padded.histories.tolist() == [[4, 5], [3, 0]]


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (_sequences(), "expected at least one"),
        (_sequences(([0], 1), ([0, 1, 2, 3, 4], 2)), "sequence 41 has 5 items of history, expected 1 to 4"),
        (_sequences(([], 1)), "sequence 40 has 0 items of history"),
        (_sequences(([0, 5], 1)), "the data set has 5 items, 0 to 4"),
        (_sequences(([0], -1)), "item ids from -1"),
    ],
)
def test_what_no_model_could_read_is_refused(sequences: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pad_sequences(sequences, items=5, maximum_history=4)
