"""Errors of the file system name the path and what to do."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ilora.artifacts.file_system import explained, remedy
from ilora.artifacts.writing import atomic_path


def test_a_full_disk_is_named_with_what_to_do() -> None:
    found = explained(OSError(errno.ENOSPC, "Error writing bytes to file"), "results/items.parquet")
    assert found.errno == errno.ENOSPC and found.filename == "results/items.parquet"
    expected = "No space left on device. Free some space on that disk, and run the same command again."
    assert str(found) == f"[Errno 28] {expected}: 'results/items.parquet'"
    assert remedy(found) is None


def test_other_errors_have_no_remedy_here() -> None:
    assert remedy(FileNotFoundError(errno.ENOENT, "No such file")) is None
    assert remedy(OSError("no number")) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_write_that_fails_names_the_artifact_and_leaves_what_was_there(tmp_path: Path, number: int) -> None:
    path = tmp_path / "items.parquet"
    path.write_text("before")
    with pytest.raises(OSError, match=r"run the same command again.*items\.parquet"), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise OSError(number, "Error writing bytes to file")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_read_in_the_block_is_named_itself(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match=r"ratings\.csv"), atomic_path(tmp_path / "items.parquet"):
        raise PermissionError(errno.EACCES, "Permission denied", "ratings.csv")


def limit_files_to_a_kilobyte() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


def test_a_write_beyond_the_limit_of_a_file(tmp_path: Path) -> None:
    """Real test, in a process that is limited to files of a kilobyte."""
    path = tmp_path / "items.parquet"
    code = f"""
import pyarrow, signal
from ilora.artifacts.parquet import write_table
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
write_table(pyarrow.table({{"item": [str(n ** 9) for n in range(9000)]}}), {str(path)!r})
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=limit_files_to_a_kilobyte,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode != 0 and list(tmp_path.iterdir()) == []
    assert "File too large. Raise the limit" in process.stderr and str(path) in process.stderr
