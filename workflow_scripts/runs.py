"""Runs of Snakemake: how one is told from all others, whether it lives, and the processes that it started."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

RUN_VARIABLE = "ILORA_RUN"
SECONDS_TO_STOP = 10.0
SECONDS_BETWEEN_LOOKS = 0.1
# Where only the time is known at which a process began: it moves when the machine's clock is set.
SECONDS_OF_CLOCK = 5.0

PROC = Path("/proc")
# Of a line of /proc/PID/stat, counted behind the name of the command, which may hold anything.
_STATE, _START = 0, 19
_ENDED = ("Z", "X")


@dataclass(frozen=True)
class Run:
    """One start of Snakemake: its host and its process, which numbers alone do not tell from later ones.

    Attributes:
        host: its name.
        process: its number.
        began: when the process began, in seconds since 1970 by the clock of that moment.
        boot: the start of the machine; empty where the system does not tell (macOS), and in older records.
        ticks: when the process began, in clock ticks since that start; no clock that is set moves it.
        namespace: of process numbers: in another container, the same number is another process.
    """

    host: str
    process: int
    began: float
    boot: str = ""
    ticks: int | None = None
    namespace: str = ""

    @property
    def name(self) -> str:
        """A name that no other run has; its jobs carry it in their environment."""
        return f"{self.host}:{self.process}:{self.began if self.ticks is None else f'{self.boot}:{self.ticks}'}"

    @property
    def state(self) -> Literal["alive", "dead", "unseen"]:
        """Whether the process lives; unseen where this process could not see it if it did."""
        if self.host != socket.gethostname():
            return "unseen"
        if self.ticks is None:
            return "alive" if _began_at(self.process, self.began) else "dead"
        if self.boot != _boot():
            return "dead"
        if self.namespace != _namespace():
            return "unseen"
        return "alive" if _ticks(self.process) == self.ticks else "dead"


def this_run() -> Run:
    """Return the run that this process is."""
    process = psutil.Process()
    ticks = _ticks(process.pid)
    told = ("", None, "") if ticks is None else (_boot(), ticks, _namespace())
    return Run(socket.gethostname(), process.pid, process.create_time(), *told)


def stop_orphans(run: Run) -> int:
    """Stop the jobs that outlived a dead run, lest they write beside the new one; return how many.

    A process that is only being started shows no environment yet, and one that is being stopped may just have started
    another: so it looks again until nothing is found twice.
    """
    stopped: set[psutil.Process] = set()
    quiet = 0
    while quiet < 2:
        found = list(_orphans(run))
        quiet = 0 if found else quiet + 1
        for process in found:
            _signal(process, "terminate")
        _, deaf = psutil.wait_procs(found, timeout=SECONDS_TO_STOP)
        for process in deaf:
            _signal(process, "kill")
        stopped.update(found)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return len(stopped)


def _orphans(run: Run) -> Iterator[psutil.Process]:
    """Yield the living processes that a dead run of this host started."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(RUN_VARIABLE) == run.name:
                yield process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return


def _ticks(process: int) -> int | None:
    """Return when a living process began, in ticks since the machine's start; None for one that ended, or no Linux."""
    try:
        status = (PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = status.rpartition(")")[2].split()
    return None if fields[_STATE] in _ENDED else int(fields[_START])


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def _namespace() -> str:
    return os.readlink(PROC / "self/ns/pid")


def _began_at(process: int, began: float) -> bool:
    """Whether a living process of this number began about then."""
    try:
        found = psutil.Process(process)
        return abs(found.create_time() - began) < SECONDS_OF_CLOCK and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
