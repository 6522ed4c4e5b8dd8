"""Sequences read back carry keys that do not depend on dense ids."""

from pathlib import Path

import pyarrow as pa
import pytest

from ilora.artifacts.parquet import write_table
from ilora.artifacts.schemas import SEQUENCES
from ilora.data.sequences import SequenceKey, read_sequences, sequence_table

CUT = pa.Table.from_pylist(
    [
        dict(zip(SEQUENCES.names, row, strict=True))
        for row in [
            (0, "train", 0, "u0", 1, [3], 1),
            (1, "train", 0, "u0", 2, [3, 1], 2),
            (2, "test", 1, "u1", 2, [2, 0], 3),
        ]
    ],
    schema=SEQUENCES,
)


def test_keys_histories_and_splits(tmp_path: Path) -> None:
    write_table(CUT, tmp_path / "sequences.parquet")
    table = read_sequences(tmp_path / "sequences.parquet")
    assert table.keys == [
        SequenceKey("train", "u0", 1),
        SequenceKey("train", "u0", 2),
        SequenceKey("test", "u1", 2),
    ]
    assert table.histories == [[3], [3, 1], [2, 0]]
    assert table.targets.tolist() == [1, 2, 3]
    assert table.user_ids.tolist() == [0, 0, 1]
    assert table.rows("train").tolist() == [0, 1]
    assert table.rows("val").tolist() == []


def test_ids_that_are_not_dense_are_refused() -> None:
    with pytest.raises(ValueError, match="sequence ids are not 0, 1, 2"):
        sequence_table(CUT.slice(1))
