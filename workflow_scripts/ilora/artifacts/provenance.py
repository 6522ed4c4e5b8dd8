"""Provenance records, written beside artifacts.

A record contains times and versions, so it differs between runs, and no rule declares it as an output.
`ilora.artifacts.records` uses its hashes to detect damaged files, and `ilora.artifacts.agreement` its parameters to
detect other settings.
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
    """The `snakemake` object of a script."""

    rule: str
    wildcards: Any
    params: Any
    input: Any


@dataclass(frozen=True)
class Provenance:
    """The rule, settings and inputs of a job.

    Attributes:
        rule: name of the rule.
        wildcards: wildcard values, by name.
        params: the rule's parameters as JSON values, by name.
        inputs: SHA-256 of each file or folder at the start of the job, by path; empty if it did not exist.
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
        """Write `<path>.provenance.json` beside each artifact, which is an existing file or folder.

        Args:
            artifacts: artifacts of the job.
            config: resolved configuration as JSON values, if it contains more than the parameters.
            details: further information, such as the cost of answers, as JSON values.

        Raises:
            ArtifactError: an input has changed since the job began.
            FileNotFoundError: an artifact or an input does not exist.
            TypeError: `config` or `details` contains a value that is not a JSON value.
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
                    f"{path}: the content has changed since this job began to read it. Run again, and do not edit the "
                    "files of a run while it is active."
                )


def provenance(
    rule: str,
    *,
    wildcards: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> Provenance:
    """Return the provenance of a job; call this before it reads its inputs.

    A missing input is left to the code that reads it, which has a more specific error message.

    Args:
        rule: name of the rule.
        wildcards: wildcard values, by name.
        params: the rule's parameters, by name.
        inputs: files or folders that the job reads.

    Raises:
        TypeError: `params` contains a value that is not a JSON value.
    """
    digests = {str(entry): sha256_of(entry) if Path(entry).exists() else "" for entry in inputs}
    return Provenance(rule, dict(wildcards or {}), as_json(params or {}), digests)


def provenance_of(job: Job, inputs: Iterable[str | os.PathLike[str]] | None = None) -> Provenance:
    """Return the provenance of a Snakemake job; call this before it reads its inputs.

    Args:
        job: the script's `snakemake` object.
        inputs: the inputs on which the artifacts depend; None for all.

    Raises:
        TypeError: a parameter is not a JSON value.
    """
    return provenance(
        job.rule,
        wildcards=dict(job.wildcards.items()),
        params=dict(job.params.items()),
        inputs=job.input if inputs is None else inputs,
    )


def as_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Return values as JSON values: tuples become lists, and keys become strings.

    Raises:
        TypeError: a value is not a JSON value.
    """
    converted: dict[str, Any] = json.loads(json.dumps(values))
    return converted


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 of a file, or of the file names and contents of a folder, in order.

    Hidden files are ignored: Snakemake's timestamps, and partial files of killed processes.
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
    """Return the SHA-256 of each file below a folder, by relative path, in the order of the paths."""
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
    """Return the library's commit, with "-dirty" for uncommitted changes; None outside a git checkout."""
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
