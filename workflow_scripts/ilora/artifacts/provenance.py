"""The record beside an artifact that tells where it came from.

A record holds times and versions, so it is no data, and no rule declares it. `ilora.artifacts.records` knows a damaged
file by its hashes, and `ilora.artifacts.agreement` what was made with other settings by its parameters.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.hardware import describe_machine
from ilora.artifacts.writing import atomic_path, record_path

_PACKAGES = (
    "accelerate",
    "gguf",
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


class Job(Protocol):
    """A job of Snakemake, as its script sees it."""

    rule: str
    wildcards: Any
    params: Any
    input: Any


@dataclass(frozen=True)
class Provenance:
    """What a job makes its artifacts from.

    Attributes:
        rule: its rule.
        wildcards: their values, by name.
        params: the rule's parameters, by name, as JSON has them.
        inputs: sha256 of each file or folder when the job began, by path; empty for one that was not there.
    """

    rule: str
    wildcards: Mapping[str, str]
    params: Mapping[str, Any]
    inputs: Mapping[str, str]

    def record(
        self,
        *artifacts: str | os.PathLike[str],
        config: Mapping[str, object] | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Write `<path>.provenance.json` beside each artifact, a file or a folder, which must be there already.

        Args:
            artifacts: what the job made.
            config: the resolved configuration, where it says more than the parameters (values that JSON can hold).
            details: anything else worth knowing, such as what answers have cost.

        Raises:
            ArtifactError: an input is not what it was when the job began.
            FileNotFoundError: an artifact or an input is not there.
            TypeError: `config` or `details` holds what JSON cannot.
        """
        self._check_inputs()
        about = {
            "rule": self.rule,
            "wildcards": dict(self.wildcards),
            "params": dict(self.params),
            "inputs": dict(self.inputs),
            "packages": _installed_versions(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "machine": describe_machine(),
            "git_revision": git_revision(),
            "config": dict(config or {}),
            "details": dict(details or {}),
        }
        for path in map(Path, artifacts):
            made = {"path": str(path), "sha256": sha256_of(path), **_files_of(path)}
            record = {**about, "artifact": made, "written_at": datetime.now(UTC).isoformat(timespec="seconds")}
            with atomic_path(record_path(path)) as temporary:
                temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def _check_inputs(self) -> None:
        for path, digest in self.inputs.items():
            if sha256_of(path) != digest:
                raise ArtifactError(
                    f"{path}: found other content than when this job began: it changed while the job read it. "
                    "Run again, and do not edit a run's files while it lasts."
                )


def provenance(
    rule: str,
    *,
    wildcards: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> Provenance:
    """Return what a job is about to make its artifacts from; to be called before it reads its inputs.

    An input that is not there is left to what reads it, whose message says more.

    Args:
        rule: its rule.
        wildcards: their values, by name.
        params: the rule's parameters, by name.
        inputs: the files or directories that it reads.

    Raises:
        TypeError: `params` holds what JSON cannot.
    """
    digests = {str(entry): sha256_of(entry) if Path(entry).exists() else "" for entry in inputs}
    return Provenance(rule, dict(wildcards or {}), as_json(params or {}), digests)


def provenance_of(job: Job, inputs: Iterable[str | os.PathLike[str]] | None = None) -> Provenance:
    """Return what a job of Snakemake is about to make its artifacts from; to be called before it reads its inputs.

    Args:
        job: as its script sees it.
        inputs: those of its inputs on which its artifacts depend; None for all.

    Raises:
        TypeError: a parameter is of a kind that JSON does not have.
    """
    return provenance(
        job.rule,
        wildcards=dict(job.wildcards.items()),
        params=dict(job.params.items()),
        inputs=job.input if inputs is None else inputs,
    )


def as_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Return values as JSON has them: a tuple is a list, and keys are strings.

    Raises:
        TypeError: a value is of a kind that JSON does not have.
    """
    converted: dict[str, Any] = json.loads(json.dumps(values))
    return converted


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
