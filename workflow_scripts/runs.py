"""Runs of Snakemake: identity, state, and the processes that a run started."""

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
# Tolerance where only the start time of a process is known, which changes when the machine's clock is set.
SECONDS_OF_CLOCK = 5.0

PROC = Path("/proc")
# Fields of /proc/PID/stat, counted after the name of the command, which may contain anything.
_STATE, _START = 0, 19
_ENDED = ("Z", "X")


@dataclass(frozen=True)
class Run:
    """One start of Snakemake, identified by host, process and start time, since process numbers are reused.

    Attributes:
        host: name of the host.
        process: process number.
        began: start of the process, in seconds since 1970 by the clock of that moment.
        boot: id of the machine's boot; empty where the system has none (macOS), and in older records.
        ticks: start of the process in clock ticks since the boot, which setting the clock does not change.
        namespace: namespace of process numbers: in another container, the same number is another process.
    """

    host: str
    process: int
    began: float
    boot: str = ""
    ticks: int | None = None
    namespace: str = ""

    @property
    def name(self) -> str:
        """A unique name, which jobs have in their environment."""
        return f"{self.host}:{self.process}:{self.began if self.ticks is None else f'{self.boot}:{self.ticks}'}"

    @property
    def state(self) -> Literal["alive", "dead", "unseen"]:
        """State of the process; unseen if it would be invisible from here."""
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
    """Stop the jobs that outlived a dead run, so that they do not interfere with the new one; return their number.

    A starting process has no environment yet, and a stopping process may just have started another one, so the search
    is repeated until it finds nothing twice.
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
    """Yield the live processes that a dead run of this host started."""
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
    """Return the start of a live process in ticks since the boot; None if it has ended, or without Linux."""
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
    """Return whether a live process of this number began at about that time."""
    try:
        found = psutil.Process(process)
        return abs(found.create_time() - began) < SECONDS_OF_CLOCK and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
