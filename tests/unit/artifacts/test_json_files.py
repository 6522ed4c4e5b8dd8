"""JSON files are verified when read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.json_files import read_json
from ilora.artifacts.provenance import provenance


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "ilora.json").write_text('{"rank": 8}')
    assert read_json(tmp_path / "ilora.json") == {"rank": 8}


@pytest.mark.parametrize(
    ("content", "found"), [(b"", "not a whole JSON"), (b'{"rank": ', "not a whole"), (b"\xff", "not"), (b"[8]", "list")]
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "ilora.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"ilora\.json: .*{found}.*Delete this file and run"):
        read_json(tmp_path / "ilora.json")


def test_an_object_that_is_not_the_recorded_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ilora.json"
    path.write_text('{"rank": 8}')
    provenance("made").record(path)
    path.write_text('{"rank": 9}')
    with pytest.raises(ArtifactError, match=r"ilora\.json: found 11 bytes"):
        read_json(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ilora\.json: no such artifact"):
        read_json(tmp_path / "ilora.json")
