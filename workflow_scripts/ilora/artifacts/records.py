"""Verification of files against the provenance record beside each artifact (`ilora.artifacts.provenance`).

Files that other libraries read (transformers, PEFT) are checked here first. Without a record nothing is refused: models
from the hub or in a user's folder have none.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from ilora.artifacts.errors import ArtifactError, damaged
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.writing import record_path

#: An artifact may be a folder of folders, such as the snapshots of a fine-tuning.
_FOLDERS_AROUND = 2
_SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Record:
    """The record of an artifact.

    Attributes:
        artifact: path of the artifact, a file or a folder.
        files: SHA-256 of each file of the artifact.
        inputs: SHA-256 of each of its inputs, by recorded path.
        content: the complete record.
    """

    artifact: Path
    files: Mapping[Path, str]
    inputs: Mapping[str, str]
    content: Mapping[str, Any]


def read_record(artifact: str | os.PathLike[str]) -> Record:
    """Return the record of an artifact.

    Raises:
        FileNotFoundError: there is none.
        ArtifactError: it is damaged.
    """
    artifact = Path(artifact)
    sidecar = record_path(artifact)
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
        made, inputs = content["artifact"], dict(content["inputs"])
        # Folders of an earlier version of the workflow have no hashes of their files.
        names = made.get("files", {}) if artifact.is_dir() else {"": made["sha256"]}
        files = {artifact / name: str(digest) for name, digest in names.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"is not a complete record of an artifact ({type(error).__name__}: {error})"
        raise damaged(sidecar, reason, f"it, with {artifact},") from error
    return Record(artifact, files, inputs, content)


def check_file(path: str | os.PathLike[str]) -> None:
    """Check a file against its record, or that of the folder around it.

    Raises:
        ArtifactError: the file or its record was altered or replaced.
    """
    path = Path(path)
    artifact = recorded_artifact(path)
    if artifact is not None:
        record = read_record(artifact)
        if path in record.files:
            _compare(path, record)


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Check the files of a folder against its record.

    The folder may contain other files, may be inside a recorded folder, and may have no record.

    Raises:
        ArtifactError: a file is missing, or a file or the record was altered or replaced.
    """
    folder = Path(folder)
    artifact = recorded_artifact(folder)
    if artifact is not None:
        record = read_record(artifact)
        for path in record.files:
            if path.is_relative_to(folder):
                _compare(path, record)


def check_made_from(artifact: str | os.PathLike[str], files: Iterable[str | os.PathLike[str]]) -> None:
    """Check that an artifact was made from the given files, and not, for example, for another recommender.

    Recorded inputs and the given files are compared if they have the same name.

    Args:
        artifact: a file or folder, or one inside a recorded folder; without a record, nothing is refused.
        files: files that it is used with, possibly including its own.

    Raises:
        ArtifactError: the content of an input differed, or the record is damaged.
    """
    recorded = recorded_artifact(Path(artifact))
    if recorded is None:
        return
    inputs = read_record(recorded).inputs
    names = {PurePath(source).name for source in inputs}
    at_hand: dict[str, dict[str, Path]] = {}
    for file in map(Path, files):
        if file.name in names and not file.is_relative_to(recorded):
            at_hand.setdefault(file.name, {})[sha256_of(file)] = file
    for source, digest in inputs.items():
        found = at_hand.get(PurePath(source).name, {})
        if found and digest not in found:
            paths = " or ".join(map(str, found.values()))
            raise ArtifactError(
                f"{artifact}: was made from {source} of sha256 {_short(digest)}, found {paths} of sha256 "
                f"{' or '.join(map(_short, found))}: it belongs to other data or to another run. Delete {recorded} and "
                "run the workflow again to recreate it."
            )


def recorded_artifact(path: Path) -> Path | None:
    """Return the artifact with a record: the path itself, or the nearest folder around it."""
    return next((place for place in _places(path) if record_path(place).is_file()), None)


def _places(path: Path) -> Iterator[Path]:
    for place in (path, *path.parents[:_FOLDERS_AROUND]):
        if place.name:
            yield place


def _compare(path: Path, record: Record) -> None:
    remove = "this file" if path == record.artifact else f"the folder {record.artifact}"
    expected = f"expected the one of sha256 {_short(record.files[path])} that was written"
    if not path.is_file():
        raise damaged(path, f"found no such file, {expected}", remove)
    digest = sha256_of(path)
    if digest != record.files[path]:
        found = f"found {path.stat().st_size} bytes of sha256 {_short(digest)}"
        raise damaged(path, f"{found}, {expected}: it was altered or replaced", remove)


def _short(digest: str) -> str:
    return f"{digest[:_SHOWN_DIGITS]}..."
