"""Errors for raw files that cannot be fetched or are not the published ones."""

import shutil
from pathlib import Path


class AcquisitionError(RuntimeError):
    """A raw file could not be fetched, or the fetched file is not the published one."""


def not_written(folder: Path, error: OSError) -> AcquisitionError:
    """Return the error for a file in `folder` that could not be written."""
    return AcquisitionError(
        f"{folder}: writing failed ({error}), with {shutil.disk_usage(folder).free:,} bytes free there. "
        "Nothing was kept. Free some space, or set `results` to a folder on another disk, and run again."
    )
