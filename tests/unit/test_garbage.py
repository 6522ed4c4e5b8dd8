"""Imported modules add no cost to a process's garbage collection."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc
from ilora.progress import start_log
before = gc.get_freeze_count()
start_log("job.log")
spared = gc.get_freeze_count()
later = [[] for _ in range(1000)]
start_log("job.log")
print(before, spared > 10_000, gc.get_freeze_count() <= spared)
"""


def test_a_job_spares_what_it_has_imported_and_nothing_that_it_makes_later(tmp_path: Path, repository: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(repository / "workflow_scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "0 True True\n"
