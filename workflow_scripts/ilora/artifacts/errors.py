"""What is raised when an artifact on disk cannot be trusted."""

from pathlib import Path


class ArtifactError(RuntimeError):
    """An artifact is damaged, or is not of the kind that was asked for."""


def damaged(path: Path, reason: str, remove: str = "this file") -> ArtifactError:
    """Return the error for the artifact at `path` that says what is wrong and how to have it made again.

    Args:
        path: of the file.
        reason: what was found, and what was expected.
        remove: what has to be deleted, where that is not the file alone.
    """
    return ArtifactError(f"{path}: {reason}. Delete {remove} and run the workflow again to make it anew.")


def missing(path: Path) -> FileNotFoundError:
    """Return the error for an artifact that is not there."""
    return FileNotFoundError(f"{path}: no such artifact. Run the workflow to make it.")
