"""What prepared jobs made elsewhere, put where the workflow looks for it: `ilora bench gpu --take FOLDER`.

The records came with it: which rule and script, with which parameters, code and files, on which machine. The workflow
plans by them, and makes anew what it would make otherwise.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.records import Record, check_file, check_folder, read_record
from ilora.artifacts.writing import atomic_path, record_path
from ilora.benchmarks.gpu.parcels import unpack


def take_up(parcel: Path, checkout: Path) -> int:
    """Put every artifact of a parcel in its place, or none where one does not belong here; return an exit status.

    Args:
        parcel: folder that `ilora.benchmarks.gpu.pretrained` made.
        checkout: the folder of the workflow.
    """
    with tempfile.TemporaryDirectory() as temporary:
        there = Path(temporary)
        try:
            about = unpack(parcel, there)
            artifacts = [str(path) for path in about["artifacts"]]
            reasons = [reason for path in artifacts for reason in objections(Path(path), there, checkout)]
        except (ArtifactError, FileNotFoundError) as error:
            print(f"ilora bench gpu: {error}", file=sys.stderr)
            return 1
        if reasons:
            print("nothing was taken:", *reasons, sep="\n  ", file=sys.stderr)
            return 1
        for path in artifacts:
            _place(there / path, checkout / path)
            print(f"taken: {path}")
        for path in about["benchmarks"]:
            # Of an earlier run here. Snakemake takes it for a part of what the job made, older than its inputs.
            (checkout / path).unlink(missing_ok=True)
    return 0


def objections(path: Path, there: Path, checkout: Path) -> list[str]:
    """Return why an artifact is not taken: it is damaged, was made from other files, or there is another here.

    Args:
        path: of the artifact, from either folder.
        there: where the parcel was unpacked.
        checkout: the folder of the workflow.

    Raises:
        ArtifactError: its record is damaged.
    """
    artifact, here = there / path, checkout / path
    record = read_record(artifact)
    found = [reason for source in record.inputs if (reason := _other_input(source, record, path, there, checkout))]
    try:
        (check_folder if artifact.is_dir() else check_file)(artifact)
    except ArtifactError as error:
        found.append(str(error))
    if here.exists() and sha256_of(here) != record.content["artifact"]["sha256"]:
        found.append(f"{path}: there is another one here. Delete it first, with {record_path(path)}.")
    return found


def _other_input(source: str, record: Record, path: Path, there: Path, checkout: Path) -> str | None:
    at_hand = next((place / source for place in (there, checkout) if (place / source).exists()), None)
    if at_hand is None:
        return f"{path}: was made from {source}, which is not here. Have the workflow make it first."
    if sha256_of(at_hand) != record.inputs[source]:
        return f"{path}: was made from another {source} than there is here"
    return None


def _place(source: Path, target: Path) -> None:
    if not target.exists():
        with atomic_path(target) as temporary:
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, temporary)
        with atomic_path(record_path(target)) as temporary:
            shutil.copyfile(record_path(source), temporary)
    os.utime(target)
    for file in sorted(target.rglob("*")) if target.is_dir() else ():
        os.utime(file)
