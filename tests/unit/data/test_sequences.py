"""Sequences read back carry keys that do not depend on dense ids."""

from pathlib import Path

import pyarrow as pa
import pytest

from ilora.artifacts.parquet import write_table
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.data.sequences import SequenceKey, read_sequences, sequence_table


def interactions_of(pairs: list[tuple[int, int]]) -> pa.Table:
    rows = [
        {
            "user_id": user,
            "item_id": item,
            "timestamp": row,
            "raw_user_id": f"u{user}",
            "raw_item_id": f"i{item}",
        }
        for row, (user, item) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def sequences_of(rows: list[tuple[int, str, int, list[int], int]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SEQUENCES.names, row, strict=True)) for row in rows], schema=SEQUENCES)


INTERACTED = interactions_of([(0, 3), (0, 1), (0, 2), (1, 2), (1, 0), (1, 3)])
CUT = sequences_of([(0, "train", 0, [3], 1), (1, "train", 0, [3, 1], 2), (2, "test", 1, [2, 0], 3)])


def test_keys_histories_and_splits(tmp_path: Path) -> None:
    write_table(CUT, tmp_path / "sequences.parquet")
    write_table(INTERACTED, tmp_path / "interactions.parquet")
    table = read_sequences(tmp_path / "sequences.parquet", tmp_path / "interactions.parquet")
    assert table.keys == [
        SequenceKey("train", "u0", 1),
        SequenceKey("train", "u0", 2),
        SequenceKey("test", "u1", 2),
    ]
    assert table.histories == [[3], [3, 1], [2, 0]]
    assert table.targets.tolist() == [1, 2, 3]
    assert table.user_ids.tolist() == [0, 0, 1]
    assert table.number_of_items == 4
    assert table.rows("train").tolist() == [0, 1]
    assert table.rows("val").tolist() == []


def test_sequences_of_other_interactions_are_refused() -> None:
    with pytest.raises(ValueError, match="User 0 has a sequence with target 0.*other interactions"):
        sequence_table(sequences_of([(0, "train", 0, [3], 0)]), INTERACTED)


def test_an_item_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="User 0 has item 3 twice"):
        sequence_table(CUT, interactions_of([(0, 3), (0, 3)]))


def test_ids_that_are_not_dense_are_refused() -> None:
    with pytest.raises(ValueError, match="sequence ids are not 0, 1, 2"):
        sequence_table(CUT.slice(1), INTERACTED)
