"""Parcels: files in one tar archive split into parts for transfers with a size limit, verified by sha256."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.json_files import read_json
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.writing import atomic_path

CONTENTS = "contents.json"
_AT_ONCE = 2**20


def pack(files: Mapping[str, Path], parcel: Path, part_bytes: int, about: Mapping[str, Any]) -> None:
    """Pack files and folders into a parcel.

    Args:
        files: files and folders by their paths in the parcel; the contents of a folder must be listed separately.
        parcel: folder to create, for the parts and `CONTENTS`.
        part_bytes: maximum size of a part.
        about: additional JSON-compatible data, which `unpack` returns.
    """
    with atomic_path(parcel) as folder:
        folder.mkdir()
        parts = _Parts(folder, part_bytes)
        with tarfile.open(fileobj=parts, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for name, file in sorted(files.items()):
                tar.add(file, arcname=name, recursive=False)
        parts.close()
        contents = {
            "parts": {path.name: sha256_of(path) for path in parts.paths},
            "files": {name: sha256_of(file) for name, file in sorted(files.items()) if file.is_file()},
            "about": dict(about),
        }
        (folder / CONTENTS).write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def unpack(parcel: Path, root: Path) -> dict[str, Any]:
    """Verify a parcel, extract its files below a folder, and return its `about`.

    Raises:
        FileNotFoundError: there is no parcel.
        ArtifactError: a part or file is missing or has been altered.
    """
    contents = read_json(parcel / CONTENTS)
    paths = [parcel / name for name in contents["parts"]]
    for path, digest in zip(paths, contents["parts"].values(), strict=True):
        if not path.is_file() or sha256_of(path) != digest:
            found = f"sha256 {sha256_of(path)}" if path.is_file() else "no such file"
            raise ArtifactError(f"{path}: found {found}, expected {digest}. Copy the whole folder {parcel} again.")
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=_Joined(paths), mode="r|") as tar:
        tar.extractall(root, filter="data")
    for name, digest in contents["files"].items():
        if not (root / name).is_file() or sha256_of(root / name) != digest:
            raise ArtifactError(f"{root / name}: is not the file that was packed in {parcel}. Create the parcel again.")
    about: dict[str, Any] = contents["about"]
    return about


class _Parts(RawIOBase):
    """Writes a stream to files of at most `part_bytes` bytes."""

    def __init__(self, folder: Path, part_bytes: int) -> None:
        super().__init__()
        self._folder, self._part_bytes, self._free = folder, part_bytes, 0
        self.paths: list[Path] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        while rest:
            if not self._free:
                self.paths.append(self._folder / f"part{len(self.paths) + 1:03}.tar")
                self._free = self._part_bytes
            piece, rest = rest[: self._free], rest[self._free :]
            with self.paths[-1].open("ab") as file:
                file.write(piece)
            self._free -= len(piece)
        return len(data)


class _Joined(RawIOBase):
    """Reads files as one stream."""

    def __init__(self, paths: Iterable[Path]) -> None:
        super().__init__()
        self._pieces = self._read_all(paths)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left += piece
        taken = self._left if size < 0 else self._left[:size]
        self._left = self._left[len(taken) :]
        return taken

    @staticmethod
    def _read_all(paths: Iterable[Path]) -> Any:
        for path in paths:
            with path.open("rb") as file:
                while piece := file.read(_AT_ONCE):
                    yield piece
