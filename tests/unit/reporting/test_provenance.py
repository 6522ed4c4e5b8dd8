"""Contents of the records of artifacts."""

from pathlib import Path

import pytest

from ilora.artifacts.provenance import provenance
from ilora.reporting.provenance import provenance_table, read_records


def test_records_lie_beside_artifacts_and_beside_their_folders(tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    paths = [tmp_path / "items.parquet", tmp_path / "adapter" / "weights", tmp_path / "adapter" / "gate"]
    for path in paths:
        path.write_text("")
    provenance("made").record(paths[0])
    provenance("made").record(tmp_path / "adapter")
    records = read_records([*paths, tmp_path / "without.svg"])
    assert [Path(record["artifact"]["path"]).name for record in records] == ["adapter", "items.parquet"]


def test_what_was_made_by_several_versions_has_several_rows() -> None:
    record = {"git_revision": None, "platform": "Linux", "python": "3.11", "packages": {"torch": "2.13.0"}}
    machine = {"processor": "Chip", "cores": 2, "memory": "24 GiB", "gpus": []}
    newer = record | {"git_revision": "abc", "machine": machine, "packages": {"torch": "2.14.0"}}
    table = provenance_table([record, newer, newer])
    assert "<td>torch</td><td>2.14.0</td><td>2 of 3</td>" in table
    assert "<td>torch</td><td>2.13.0</td><td>1 of 3</td>" in table
    assert "<td>Code: git revision</td><td>abc</td><td>2 of 3</td>" in table
    assert "<td>Code: git revision</td><td>not in a git checkout</td><td>1 of 3</td>" in table
    assert "<td>Graphics processors</td><td>none</td><td>2 of 3</td>" in table
    assert "<td>Graphics processors</td><td>not recorded</td><td>1 of 3</td>" in table


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "items.parquet.provenance.json").write_text("{")
    with pytest.raises(ValueError, match=r"items\.parquet\.provenance\.json: no JSON"):
        read_records([tmp_path / "items.parquet"])
    (tmp_path / "items.parquet.provenance.json").write_text("[]")
    with pytest.raises(ValueError, match="found list, expected an object"):
        read_records([tmp_path / "items.parquet"])
