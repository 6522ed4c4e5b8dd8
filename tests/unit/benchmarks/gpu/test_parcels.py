"""Files are transferred in parts, and altered ones are refused by name."""

import json
from pathlib import Path

import pytest

from ilora.artifacts.errors import ArtifactError
from ilora.benchmarks.gpu.parcels import CONTENTS, pack, unpack

CONTENT = {"a.txt": b"one", "folder/b.bin": bytes(range(256)) * 200}


@pytest.fixture
def parcel(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name, content in CONTENT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "empty").mkdir()
    pack({name: root / name for name in (*CONTENT, "empty")}, tmp_path / "parcel", 20_000, {"jobs": [1]})
    return tmp_path / "parcel"


def test_files_come_back_from_parts_of_a_given_size(parcel: Path, tmp_path: Path) -> None:
    sizes = [path.stat().st_size for path in sorted(parcel.glob("part*"))]
    assert sizes[0] == sizes[1] == 20_000 and len(sizes) > 2 and sizes[-1] <= 20_000
    assert unpack(parcel, tmp_path / "there") == {"jobs": [1]}
    found = {str(path.relative_to(tmp_path / "there")) for path in (tmp_path / "there").rglob("*")}
    assert found == {*CONTENT, "folder", "empty"}
    assert all((tmp_path / "there" / name).read_bytes() == content for name, content in CONTENT.items())


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_a_part_that_is_not_whole_is_named(parcel: Path, damage: str, tmp_path: Path) -> None:
    part = parcel / "part002.tar"
    if damage == "altered":
        part.write_bytes(b"x" + part.read_bytes()[1:])
    else:
        part.unlink()
    with pytest.raises(ArtifactError, match="part002.tar: found .*, expected"):
        unpack(parcel, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_file_that_is_not_the_one_that_was_packed_is_named(parcel: Path, tmp_path: Path) -> None:
    contents = json.loads((parcel / CONTENTS).read_text())
    contents["files"]["a.txt"] = "0" * 64
    (parcel / CONTENTS).write_text(json.dumps(contents))
    with pytest.raises(ArtifactError, match="a.txt: is not the file that was packed"):
        unpack(parcel, tmp_path / "there")
