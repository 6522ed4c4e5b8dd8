"""Altered files, and artifacts made from other files, are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import provenance, sha256_of
from ilora.artifacts.records import check_file, check_folder, check_made_from, read_record
from ilora.artifacts.writing import atomic_path, record_path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """An artifact of one file, made from another, with its record."""
    (tmp_path / "items.parquet").write_bytes(b"items")
    path = tmp_path / "metrics.parquet"
    path.write_bytes(b"metrics")
    provenance("made", inputs=[tmp_path / "items.parquet"]).record(path)
    return path


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """An artifact that is a folder of folders, with its record."""
    folder = tmp_path / "snapshots"
    (folder / "step~3").mkdir(parents=True)
    (folder / "step~3" / "gate.safetensors").write_bytes(b"gate")
    provenance("made").record(folder)
    return folder


def test_a_record_tells_of_files_and_inputs(table: Path) -> None:
    record = read_record(table)
    assert record.files == {table: sha256_of(table)}
    assert list(record.inputs.values()) == [sha256_of(table.with_name("items.parquet"))]


@pytest.mark.parametrize("content", [b"", b"metric", b"metricS"])
def test_another_content_is_refused_with_its_size_and_what_to_delete(table: Path, content: bytes) -> None:
    check_file(table)
    table.write_bytes(content)
    with pytest.raises(
        ArtifactError, match=rf"metrics\.parquet: found {len(content)} bytes .*Delete this file and run"
    ):
        check_file(table)


def test_what_has_no_record_is_not_refused(tmp_path: Path) -> None:
    check_file(tmp_path / "items.parquet")
    check_folder(tmp_path)
    check_made_from(tmp_path / "items.parquet", [tmp_path / "absent.parquet"])


def test_a_file_inside_a_recorded_folder_is_refused_with_the_folder_to_delete(snapshots: Path) -> None:
    file = snapshots / "step~3" / "gate.safetensors"
    check_folder(snapshots / "step~3")
    file.write_bytes(b"date")
    for check, path in ((check_file, file), (check_folder, snapshots), (check_folder, snapshots / "step~3")):
        with pytest.raises(ArtifactError, match=r"gate\.safetensors: .*Delete the folder .*/snapshots and run"):
            check(path)
    file.unlink()
    with pytest.raises(ArtifactError, match=r"gate\.safetensors: found no such file"):
        check_folder(snapshots / "step~3")


def test_files_that_were_added_to_a_folder_are_left_alone(snapshots: Path) -> None:
    (snapshots / "README.md").write_text("a card")
    check_folder(snapshots)
    check_file(snapshots / "README.md")


@pytest.mark.parametrize("content", ["", '{"artifact": ', "[]", "{}", '{"artifact": {}, "inputs": {}}'])
def test_a_damaged_record_is_refused_with_what_it_tells_of(table: Path, content: str) -> None:
    record_path(table).write_text(content)
    expected = (
        r"metrics\.parquet\.provenance\.json: is not a complete record .*Delete it, with .*/metrics\.parquet, and run"
    )
    for check in (check_file, read_record):
        with pytest.raises(ArtifactError, match=expected):
            check(table)


def test_what_was_made_from_other_files_is_refused(table: Path) -> None:
    items = table.with_name("items.parquet")
    check_made_from(table, [items])
    items.write_bytes(b"of another data set")
    with pytest.raises(
        ArtifactError, match=r"metrics\.parquet: was made from .*items\.parquet of sha256 .*another run"
    ):
        check_made_from(table, [items])
    elsewhere = table.parent / "elsewhere" / "items.parquet"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(b"items")
    check_made_from(table, [items, elsewhere])


def test_a_file_of_the_artifact_is_none_that_it_was_made_from(tmp_path: Path) -> None:
    (tmp_path / "projector.safetensors").write_bytes(b"to begin with")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "projector.safetensors").write_bytes(b"tuned")
    provenance("made", inputs=[tmp_path / "projector.safetensors"]).record(adapter)
    check_made_from(adapter, [adapter / "projector.safetensors"])


def test_a_record_of_folders_without_hashes_of_files_refuses_none(snapshots: Path) -> None:
    content = json.loads(record_path(snapshots).read_text())
    del content["artifact"]["files"]
    record_path(snapshots).write_text(json.dumps(content))
    check_folder(snapshots)


def test_whoever_replaces_an_artifact_takes_its_record_away(table: Path) -> None:
    with atomic_path(table) as temporary:
        temporary.write_bytes(b"new")
    assert not record_path(table).exists()
    check_file(table)
