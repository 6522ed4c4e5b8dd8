"""What is raised when raw files cannot be had, or are not what they should be."""

import shutil
from pathlib import Path


class AcquisitionError(RuntimeError):
    """A raw file could not be fetched, or what was fetched is not the published file."""


def not_written(folder: Path, error: OSError) -> AcquisitionError:
    """Return the error for a file in `folder` that the disk does not take."""
    return AcquisitionError(
        f"{folder}: writing failed ({error}), with {shutil.disk_usage(folder).free:,} bytes free there. "
        "Nothing was kept. Make room, or set `results` to a folder on another disk, and run again."
    )
