"""Tables are read back exactly as written, or refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import CANDIDATES
from ilora.predictions.schema import PREDICTIONS


@pytest.fixture
def candidates() -> pa.Table:
    rows = [{"sequence_id": row, "draw": 0, "candidates": [row, row + 1], "hash": f"{row:x}"} for row in range(40)]
    return pa.Table.from_pylist(rows, schema=CANDIDATES)


def test_round_trip(tmp_path: Path, candidates: pa.Table) -> None:
    write_table(candidates, tmp_path / "candidates.parquet")
    assert read_table(tmp_path / "candidates.parquet", CANDIDATES).equals(candidates)
    assert read_table(tmp_path / "candidates.parquet").equals(candidates)
    assert [entry.name for entry in tmp_path.iterdir()] == ["candidates.parquet"]


def test_the_same_rows_give_the_same_bytes_however_they_are_chunked(tmp_path: Path, candidates: pa.Table) -> None:
    write_table(candidates, tmp_path / "one.parquet")
    write_table(pa.concat_tables([candidates.slice(0, 7), candidates.slice(7)]), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_truncated_file_is_refused_by_name(tmp_path: Path, candidates: pa.Table) -> None:
    path = tmp_path / "candidates.parquet"
    write_table(candidates, path)
    content = path.read_bytes()
    for length in (0, 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError, match=r"candidates\.parquet.*Delete this file and run"):
            read_table(path)


def test_a_flipped_bit_never_changes_what_is_read(tmp_path: Path, candidates: pa.Table) -> None:
    path = tmp_path / "candidates.parquet"
    write_table(candidates, path)
    content = path.read_bytes()
    refused = 0
    positions = range(0, len(content), 5)
    for position in positions:
        flipped = bytearray(content)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        try:
            assert read_table(path, CANDIDATES).equals(candidates)
        except ArtifactError:
            refused += 1
    assert refused > len(positions) // 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.parquet: no such artifact"):
        read_table(tmp_path / "absent.parquet")


def test_other_columns_and_types_are_refused(tmp_path: Path, candidates: pa.Table) -> None:
    path = tmp_path / "candidates.parquet"
    write_table(candidates.drop_columns(["hash"]), path)
    with pytest.raises(ArtifactError, match=r"has the columns \['sequence_id', 'draw', 'candidates'\], expected"):
        read_table(path, CANDIDATES)
    draw_as_float = pa.array([0.0] * candidates.num_rows)
    write_table(candidates.set_column(1, "draw", draw_as_float), path)
    with pytest.raises(ArtifactError, match="column 'draw' is of type double, expected int32"):
        read_table(path, CANDIDATES)


def test_columns_come_in_the_order_of_the_schema(tmp_path: Path, candidates: pa.Table) -> None:
    write_table(candidates.select(["hash", "candidates", "draw", "sequence_id"]), tmp_path / "turned.parquet")
    assert read_table(tmp_path / "turned.parquet", CANDIDATES).equals(candidates)


def test_nulls_where_none_may_be_are_refused(tmp_path: Path, candidates: pa.Table) -> None:
    path = tmp_path / "candidates.parquet"
    with_null = pa.table({**{name: candidates[name] for name in CANDIDATES.names[:3]}, "hash": [None] * 40})
    with_null = with_null.set_column(3, "hash", with_null["hash"].cast(pa.string()))
    pq.write_table(with_null, path)
    with pytest.raises(ArtifactError, match="column 'hash' contains 40 nulls, expected none"):
        read_table(path, CANDIDATES)
    path.unlink()
    with pytest.raises(ValueError, match="column 'hash' contains 40 nulls"):
        write_table(pa.table(with_null.columns, schema=CANDIDATES), path)
    assert list(tmp_path.iterdir()) == []


def test_a_prediction_may_lack_scores_text_and_choice() -> None:
    may_be_null = [field.name for field in PREDICTIONS if field.nullable]
    assert may_be_null == ["scores", "text", "choice"]
