"""What is raised when an artifact on disk cannot be trusted."""

from pathlib import Path


class ArtifactError(RuntimeError):
    """An artifact is damaged, or is not of the kind that was asked for."""


def damaged(path: Path, reason: str) -> ArtifactError:
    """Return the error for the artifact at `path` that says what is wrong and how to have it made again."""
    return ArtifactError(f"{path}: {reason}. Delete this file and run the workflow again to make it anew.")


def missing(path: Path) -> FileNotFoundError:
    """Return the error for an artifact that is not there."""
    return FileNotFoundError(f"{path}: no such artifact. Run the workflow to make it.")
