"""A record lists what an artifact was made from."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import provenance, sha256_of


def recorded(artifact: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(artifact.with_name(f"{artifact.name}.provenance.json").read_text())
    return content


def test_the_record_holds_settings_inputs_and_versions(tmp_path: Path) -> None:
    artifact, source = tmp_path / "items.parquet", tmp_path / "raw.txt"
    source.write_bytes(b"raw")
    made = provenance("prepare", wildcards={"dataset": "books"}, params={"seeds": (1, 2)}, inputs=[source])
    artifact.write_bytes(b"artifact")
    made.record(artifact, config={"seed": 1}, details={"device": "cpu"})
    record = recorded(artifact)
    assert record["artifact"]["sha256"] == hashlib.sha256(b"artifact").hexdigest()
    assert record["inputs"] == {str(source): hashlib.sha256(b"raw").hexdigest()}
    assert (record["rule"], record["wildcards"], record["params"]) == (
        "prepare",
        {"dataset": "books"},
        {"seeds": [1, 2]},
    )
    assert (record["config"], record["details"]) == ({"seed": 1}, {"device": "cpu"})
    assert "pyarrow" in record["packages"]


def test_a_parameter_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="PosixPath"):
        provenance("prepare", params={"folder": Path("results")})


def test_an_input_that_changes_while_a_job_reads_it_is_an_error_and_leaves_no_record(tmp_path: Path) -> None:
    artifact, source = tmp_path / "items.parquet", tmp_path / "raw.txt"
    source.write_bytes(b"read")
    made = provenance("prepare", inputs=[source])
    artifact.write_bytes(b"made from what was read")
    source.write_bytes(b"edit")
    with pytest.raises(ArtifactError, match=r"raw\.txt: the content has changed since this job began"):
        made.record(artifact)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["items.parquet", "raw.txt"]


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
    provenance("made").record(folder)
    assert list(recorded(folder)["artifact"]["files"]) == ["weights"]


def test_an_artifact_is_not_recorded_as_made_from_a_missing_input(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("")
    made = provenance("made", inputs=[tmp_path / "absent.txt"])
    with pytest.raises(FileNotFoundError, match=r"absent\.txt"):
        made.record(tmp_path / "artifact")
    assert [entry.name for entry in tmp_path.iterdir()] == ["artifact"]
