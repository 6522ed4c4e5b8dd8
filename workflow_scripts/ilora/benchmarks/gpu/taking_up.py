"""Import of the output of prepared jobs from another machine into the workflow: `ilora bench gpu --take FOLDER`.

The records are imported too. They hold the rule and script, parameters, code, input files and machine of each artifact.
The workflow plans by them as usual, and remakes artifacts that are out of date.
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
    """Import all artifacts of a parcel, or none if one of them is rejected; return an exit status.

    Args:
        parcel: folder created by `ilora.benchmarks.gpu.pretrained`.
        checkout: folder of the workflow.
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
            print("nothing was imported:", *reasons, sep="\n  ", file=sys.stderr)
            return 1
        for path in artifacts:
            _place(there / path, checkout / path)
            print(f"imported: {path}")
        for path in about["benchmarks"]:
            # It is from an earlier run. Snakemake would treat it as an output of the job that is older than its inputs.
            (checkout / path).unlink(missing_ok=True)
    return 0


def objections(path: Path, there: Path, checkout: Path) -> list[str]:
    """Return the reasons to reject an artifact: it is damaged, has other inputs, or would replace another artifact.

    Args:
        path: path of the artifact, relative to either folder.
        there: folder of the unpacked parcel.
        checkout: folder of the workflow.

    Raises:
        ArtifactError: the record is damaged.
    """
    artifact, here = there / path, checkout / path
    record = read_record(artifact)
    found = [reason for source in record.inputs if (reason := _other_input(source, record, path, there, checkout))]
    try:
        (check_folder if artifact.is_dir() else check_file)(artifact)
    except ArtifactError as error:
        found.append(str(error))
    if here.exists() and sha256_of(here) != record.content["artifact"]["sha256"]:
        found.append(f"{path}: a different artifact exists here. Delete it first, with {record_path(path)}.")
    return found


def _other_input(source: str, record: Record, path: Path, there: Path, checkout: Path) -> str | None:
    at_hand = next((place / source for place in (there, checkout) if (place / source).exists()), None)
    if at_hand is None:
        return f"{path}: was made from {source}, which does not exist here. Run the workflow to make it first."
    if sha256_of(at_hand) != record.inputs[source]:
        return f"{path}: was made from another version of {source} than the one here"
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
