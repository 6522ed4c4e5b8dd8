"""Runs of Snakemake: their identity, whether they are alive, and the processes that they started."""

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
# Tolerance where only the start time of a process is known, which changes when the clock is set.
SECONDS_OF_CLOCK = 5.0

PROC = Path("/proc")
# Fields of a line of /proc/PID/stat, counted after the name of the command, which may contain anything.
_STATE, _START = 0, 19
_ENDED = ("Z", "X")


@dataclass(frozen=True)
class Run:
    """One run of Snakemake, identified by its host and process, because process ids are reused.

    Attributes:
        host: name of the host.
        process: process id.
        began: start time of the process in seconds since 1970, by the clock at that time.
        boot: id of the boot of the machine; empty if the system does not provide one (macOS), and in older records.
        ticks: start time of the process in clock ticks since that boot, which is independent of the clock.
        namespace: namespace of process ids, because containers have their own.
    """

    host: str
    process: int
    began: float
    boot: str = ""
    ticks: int | None = None
    namespace: str = ""

    @property
    def name(self) -> str:
        """A unique name, which its jobs have in their environment."""
        return f"{self.host}:{self.process}:{self.began if self.ticks is None else f'{self.boot}:{self.ticks}'}"

    @property
    def state(self) -> Literal["alive", "dead", "unseen"]:
        """Whether the process is alive; unseen if it would not be visible to this process."""
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
    """Return the run of this process."""
    process = psutil.Process()
    ticks = _ticks(process.pid)
    told = ("", None, "") if ticks is None else (_boot(), ticks, _namespace())
    return Run(socket.gethostname(), process.pid, process.create_time(), *told)


def stop_orphans(run: Run) -> int:
    """Stop the jobs that outlived a dead run, so that they do not interfere with the new one; return how many.

    A process that is just starting has no visible environment yet, and one that is stopping may have started another.
    So the search is repeated until it finds nothing twice in a row.
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
    """Return the start time of a live process in ticks since boot; None if it has ended, or not on Linux."""
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
    """Return whether a live process with this id started at about this time."""
    try:
        found = psutil.Process(process)
        return abs(found.create_time() - began) < SECONDS_OF_CLOCK and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
