"""Errors for missing, damaged or unexpected artifacts."""

from pathlib import Path


class ArtifactError(RuntimeError):
    """An artifact is damaged or is not of the expected kind."""


def damaged(path: Path, reason: str, remove: str = "this file") -> ArtifactError:
    """Return the error for a damaged artifact, with the problem and how to recreate the artifact.

    Args:
        path: path of the file.
        reason: what was found, and what was expected.
        remove: what to delete, if it is more than the file.
    """
    return ArtifactError(f"{path}: {reason}. Delete {remove} and run the workflow again to recreate it.")


def missing(path: Path) -> FileNotFoundError:
    """Return the error for an artifact that does not exist."""
    return FileNotFoundError(f"{path}: no such artifact. Run the workflow to create it.")
