"""A sidecar tells what an artifact was made from."""

import hashlib
import json
from pathlib import Path

import pytest

from ilora.artifacts.provenance import sha256_of, write_sidecar


def test_the_sidecar_holds_config_inputs_and_versions(tmp_path: Path) -> None:
    artifact, source = tmp_path / "items.parquet", tmp_path / "raw.txt"
    artifact.write_bytes(b"artifact")
    source.write_bytes(b"raw")
    sidecar = write_sidecar(artifact, config={"seed": 1}, inputs=[source], details={"device": "cpu"})
    record = json.loads(sidecar.read_text())
    assert sidecar.name == "items.parquet.provenance.json"
    assert record["artifact"]["sha256"] == hashlib.sha256(b"artifact").hexdigest()
    assert record["inputs"] == {str(source): hashlib.sha256(b"raw").hexdigest()}
    assert record["config"] == {"seed": 1}
    assert record["details"] == {"device": "cpu"}
    assert "pyarrow" in record["packages"]


def test_a_directory_is_hashed_by_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text("same")
    assert sha256_of(tmp_path / "a") == sha256_of(tmp_path / "b")
    (tmp_path / "b" / "weights").rename(tmp_path / "b" / "other")
    assert sha256_of(tmp_path / "a") != sha256_of(tmp_path / "b")


def test_hidden_files_are_no_part_of_a_directory(tmp_path: Path) -> None:
    folder = tmp_path / "backbone"
    (folder / ".partial1").mkdir(parents=True)
    (folder / "weights").write_text("whole")
    before = sha256_of(folder)
    (folder / ".partial1" / "weights").write_text("half")
    (folder / ".snakemake_timestamp").touch()
    assert sha256_of(folder) == before
    record = json.loads(write_sidecar(folder, config={}).read_text())
    assert list(record["artifact"]["files"]) == ["weights"]


def test_a_missing_input_is_an_error_and_leaves_no_sidecar(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("")
    with pytest.raises(FileNotFoundError, match=r"absent\.txt"):
        write_sidecar(tmp_path / "artifact", config={}, inputs=[tmp_path / "absent.txt"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["artifact"]
