"""The sidecar beside an artifact that tells where it came from.

A sidecar holds times and versions, so it is no data, and no rule declares it. `ilora.artifacts.records` knows a damaged
file by its hashes.
"""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from ilora.artifacts.hardware import describe_machine
from ilora.artifacts.writing import atomic_path, record_path

_PACKAGES = (
    "accelerate",
    "ilora",
    "matplotlib",
    "numpy",
    "pandas",
    "peft",
    "pyarrow",
    "recbole",
    "safetensors",
    "scikit-learn",
    "scipy",
    "snakemake",
    "statsmodels",
    "tokenizers",
    "torch",
    "transformers",
)


def write_sidecar(
    path: str | os.PathLike[str],
    *,
    config: Mapping[str, object],
    inputs: Iterable[str | os.PathLike[str]] = (),
    details: Mapping[str, object] | None = None,
) -> Path:
    """Write `<path>.provenance.json` beside the artifact at `path`, which must be there already.

    Args:
        path: the artifact, a file or a directory.
        config: the resolved configuration that it was made with (values that JSON can hold).
        inputs: the files or directories that it was made from.
        details: anything else worth knowing, such as the device or the time it took.

    Returns:
        The sidecar's path.

    Raises:
        FileNotFoundError: the artifact or an input is not there.
        TypeError: `config` or `details` holds what JSON cannot.
    """
    path = Path(path)
    record = {
        "artifact": {"path": str(path), "sha256": sha256_of(path), **_files_of(path)},
        "inputs": {str(entry): sha256_of(entry) for entry in inputs},
        "config": dict(config),
        "packages": _installed_versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": describe_machine(),
        "git_revision": git_revision(),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "details": dict(details or {}),
    }
    sidecar = record_path(path)
    with atomic_path(sidecar) as temporary:
        temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return sidecar


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the sha256 (hexadecimal) of a file, or of a directory's file names and contents in order.

    Hidden files of a directory are no part of it: Snakemake's mark, or what a killed process left half written.
    """
    path = Path(path)
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for name, content in _digests_in(path).items():
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()


def _digests_in(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below a folder, by its path from there, in the order of the paths."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    seen = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    return {path.as_posix(): sha256_of(folder / path) for path in seen}


def _files_of(path: Path) -> dict[str, dict[str, str]]:
    return {"files": _digests_in(path)} if path.is_dir() else {}


def _installed_versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_revision() -> str | None:
    """Return the library's commit, with "-dirty" if files differ from it; None outside a git checkout."""
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--match=",
    ]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
