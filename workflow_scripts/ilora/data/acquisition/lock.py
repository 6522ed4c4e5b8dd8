"""Checksums recorded at first use, for downloads without a known published checksum.

The lock file should be committed: from the first download on, everyone who runs the study gets the same bytes or an
error. It is a JSON object with one entry per download::

    {"steam_reviews.json.gz": {"address": "https://...", "bytes": 1300000000, "sha256": "..."}}

The workflow downloads each data set in one job, so no two processes write to it at the same time.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from ilora.artifacts.writing import atomic_path
from ilora.data.acquisition.errors import AcquisitionError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class LockedDownload:
    """An entry of the lock file: a download's address, its length in bytes and its SHA-256 in hexadecimal."""

    address: str
    bytes: int
    sha256: str


def read_lock(path: str | os.PathLike[str]) -> dict[str, LockedDownload]:
    """Return the recorded downloads by name; empty if there is no file at `path`.

    Raises:
        AcquisitionError: the file is not a lock file. An unreadable checksum must not count as an unrecorded one.
    """
    path = Path(path)
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = {name: LockedDownload(**entry) for name, entry in content.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    for name, entry in entries.items():
        if not (isinstance(entry.sha256, str) and _SHA256.fullmatch(entry.sha256)):
            raise _damaged(path, f"the sha256 of '{name}' is {entry.sha256!r}, expected 64 hexadecimal digits")
    return entries


def record(path: str | os.PathLike[str], name: str, download: LockedDownload) -> None:
    """Write the entry `name` into the lock file at `path`, which is created if it does not exist.

    Raises:
        AcquisitionError: the file is not a lock file.
    """
    entries = read_lock(path) | {name: download}
    content = {key: asdict(entry) for key, entry in sorted(entries.items())}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _damaged(path: Path, reason: str) -> AcquisitionError:
    return AcquisitionError(
        f"{path}: is not a readable file of recorded checksums ({reason}). Restore it from version control; if there "
        "is no earlier version, delete it, and the next download is recorded anew."
    )
