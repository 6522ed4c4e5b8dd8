"""Starts Snakemake, after clearing what a killed run left: ``python run_study.py [ARGUMENTS OF SNAKEMAKE]``.

A run that is killed outright (SIGKILL, a power cut) leaves Snakemake's lock, and perhaps jobs that still
write. The run's host and process are therefore on record, in `.snakemake/ilora_run.json`. A new start unlocks
only when the recorded process is dead, and first stops the jobs that outlived it; while it is alive, a new
start refuses.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

STATE = Path(".snakemake")
RECORD = STATE / "ilora_run.json"
LOCKS = STATE / "locks"
RUN_VARIABLE = "ILORA_RUN"
SECONDS_TO_STOP = 10.0
SECONDS_BETWEEN_LOOKS = 0.1
# The time at which a process began is reckoned from the machine's start, and moves when its clock is set.
SECONDS_OF_CLOCK = 5.0


@dataclass(frozen=True)
class Run:
    """One start of Snakemake: its host, its process, and when that process began (seconds since 1970)."""

    host: str
    process: int
    began: float

    @property
    def name(self) -> str:
        """A name that no other run has; its jobs carry it in their environment."""
        return f"{self.host}:{self.process}:{self.began}"

    @property
    def is_alive(self) -> bool:
        """Whether the process still exists; process numbers are reused, so its beginning counts too."""
        try:
            process = psutil.Process(self.process)
            is_the_same = abs(process.create_time() - self.began) < SECONDS_OF_CLOCK
            return is_the_same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this_run() -> Run:
    """Return the run that this process is about to become."""
    process = psutil.Process()
    return Run(socket.gethostname(), process.pid, process.create_time())


def recorded_run() -> Run | None:
    """Return the run on record, or None when there is none that can be read."""
    try:
        return Run(**json.loads(RECORD.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def record(run: Run) -> None:
    """Put a run on record; a new file replaces the old one at once."""
    STATE.mkdir(exist_ok=True)
    temporary = RECORD.with_suffix(f".{run.process}.tmp")
    temporary.write_text(json.dumps(asdict(run)) + "\n", encoding="utf-8")
    temporary.replace(RECORD)


def is_locked() -> bool:
    """Whether a run holds Snakemake's lock, or left it behind."""
    return LOCKS.is_dir() and any(LOCKS.iterdir())


def orphans(run: Run) -> Iterator[psutil.Process]:
    """Yield the living processes that a dead run of this host started."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) == run.name:
                yield process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def stop_orphans(run: Run) -> int:
    """Stop the jobs that outlived a dead run, lest they write beside the new one; return how many.

    A process that is only being started shows no environment yet, and one that is being stopped may just have started
    another: so it looks again until nothing is found twice.
    """
    stopped: set[psutil.Process] = set()
    quiet = 0
    while quiet < 2:
        found = list(orphans(run))
        quiet = 0 if found else quiet + 1
        for process in found:
            _signal(process, "terminate")
        _, deaf = psutil.wait_procs(found, timeout=SECONDS_TO_STOP)
        for process in deaf:
            _signal(process, "kill")
        stopped.update(found)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return len(stopped)


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return


def reason_to_refuse(run: Run | None, host: str) -> str | None:
    """Return why a new run must not start beside the recorded one, or None when it may."""
    if run is None:
        return None
    if run.host != host and is_locked():
        return (
            f"this folder is locked by a run on {run.host} (process {run.process}), which cannot be seen\n"
            f"from {host}. If it is over, unlock the folder with: .venv/bin/snakemake --unlock"
        )
    if run.host == host and run.is_alive:
        return (
            f"another run is under way in this folder: process {run.process}.\n"
            f"Wait for it, or stop it with: kill {run.process}"
        )
    return None


def main(arguments: list[str]) -> int:
    """Clear what a dead run left, then become Snakemake; return an exit status only when that fails."""
    run, previous = this_run(), recorded_run()
    reason = reason_to_refuse(previous, run.host)
    if reason is not None:
        print(reason, file=sys.stderr)
        return 1
    snakemake = [sys.executable, "-m", "snakemake"]
    if previous is not None and previous.host == run.host:
        stopped = stop_orphans(previous)
        if stopped:
            print(f"stopped {stopped} processes that outlived a killed run", file=sys.stderr)
        if is_locked():
            print(
                f"unlocking the folder: process {previous.process}, which held the lock, is dead",
                file=sys.stderr,
            )
            status = subprocess.run([*snakemake, "--unlock", *arguments], check=False).returncode
            if status:
                return status
    record(run)
    os.environ[RUN_VARIABLE] = run.name
    sys.stderr.flush()
    os.execv(sys.executable, [*snakemake, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
