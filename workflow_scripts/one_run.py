"""At most one run works in a folder: a new run recovers from a dead one, and refuses to start next to a live one.

The files of Snakemake's own lock tell neither who holds them nor whether the holder is alive. So a run also holds a
lock of the operating system on `.snakemake/ilora_run.lock`, which is released when its process ends for any reason,
and a record in `.snakemake/ilora_run.json`: host, process and, once it has the lock, the files of Snakemake's lock. A
new run removes exactly these files if their holder is provably dead: a process of this host that has ended. A lock of
unknown origin is left to Snakemake, which refuses and says what to do.

On file systems without locks, only the record tells whether a run is alive.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TextIO

from pydantic import TypeAdapter, ValidationError

from runs import RUN_VARIABLE, Run, stop_orphans, this_run

STATE = Path(".snakemake")
RECORD = STATE / "ilora_run.json"
LOCK = STATE / "ilora_run.lock"
SNAKEMAKE_LOCKS = STATE / "locks"
#: Lock of the operating system: held by this process, held by another one, or not supported by the file system.
_Lock = Literal["taken", "busy", "none"]
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)

# The operating system releases the lock when any handle of its file is closed, so this one stays open.
_handle: TextIO | None = None


class AnotherRunError(RuntimeError):
    """Another run works in this folder, or may do so."""


@dataclass(frozen=True)
class LockFile:
    """A file of Snakemake's lock; inode and time distinguish it from a later file of the same name."""

    name: str
    inode: int
    modified_ns: int


@dataclass(frozen=True)
class Record:
    """Record of the last run.

    Attributes:
        run: the run.
        locks: files of Snakemake's lock after the run had taken it; None before.
    """

    run: Run
    locks: tuple[LockFile, ...] | None = None


_RECORD = TypeAdapter(Record)


def was_started_to_run() -> bool:
    """Return whether this process was started by `run_study.py`, and so is a run."""
    return os.environ.get(RUN_VARIABLE) == this_run().name


def begin() -> None:
    """Become the only run of this folder before Snakemake plans, and recover from a dead run.

    Raises:
        AnotherRunError: if another run works here, or one on another host may.
    """
    STATE.mkdir(exist_ok=True)
    lock = _take_lock()
    previous = recorded()
    if lock == "busy":
        raise AnotherRunError(_under_way(previous))
    if previous is not None:
        _take_up(previous, lock)
    run = this_run()
    os.environ[RUN_VARIABLE] = run.name
    _write(Record(run))
    # At exit, Snakemake may have changed to another folder (--directory).
    atexit.register(_forget_what_did_nothing, RECORD.absolute())


def confirm() -> None:
    """Record the files of Snakemake's lock, which this run has just taken; plain `snakemake` begins here.

    Raises:
        AnotherRunError: if another run works here, or one on another host may.
    """
    mine = recorded()
    if mine is None or not _is_this_process(mine.run):
        begin()
        mine = recorded()
    assert mine is not None
    _write(replace(mine, locks=tuple(_lock_files())))


def recorded(path: Path = RECORD) -> Record | None:
    """Return the record, or None if there is none that can be read."""
    try:
        return _RECORD.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write(record: Record) -> None:
    """Write the record of a run atomically and durably."""
    temporary = RECORD.with_suffix(f".{record.run.process}.tmp")
    with temporary.open("wb") as file:
        file.write(_RECORD.dump_json(record) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(RECORD)


def _take_lock() -> _Lock:
    """Take the lock of the operating system until this process ends."""
    global _handle
    if _handle is None:
        _handle = LOCK.open("a", encoding="utf-8")
    try:
        # Locks of the process, not of the handle: forked jobs do not inherit it.
        fcntl.lockf(_handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return "busy"
        if error.errno in _NO_LOCKS:
            return "none"
        raise
    return "taken"


def _take_up(previous: Record, lock: _Lock) -> None:
    """Clean up after the last run if it is dead.

    Raises:
        AnotherRunError: if it is alive, or may be alive on another host and hold Snakemake's lock.
    """
    run, here = previous.run, this_run()
    if _is_this_process(run):
        return
    if run.state == "alive":
        raise AnotherRunError(_under_way(previous))
    # A process in another container of this machine is invisible, but would still hold the lock.
    is_of_this_machine = (run.host, run.boot) == (here.host, here.boot) and run.boot != ""
    if run.state == "dead" or (is_of_this_machine and lock == "taken"):
        _clear(previous)
    elif _may_hold_lock(previous):
        raise AnotherRunError(
            f"this folder is locked by a run on {run.host} (process {run.process}), which is not visible from here.\n"
            f"If it has ended, delete {RECORD} and unlock the folder with: .venv/bin/snakemake --unlock"
        )


def _clear(dead: Record) -> None:
    stopped = stop_orphans(dead.run)
    if stopped:
        print(f"stopped {stopped} processes that outlived a killed run", file=sys.stderr)
    left = set(dead.locks or ()) & set(_lock_files())
    if left:
        print(f"unlocking the folder: process {dead.run.process}, which held the lock, is dead", file=sys.stderr)
    for lock in left:
        (SNAKEMAKE_LOCKS / lock.name).unlink(missing_ok=True)


def _may_hold_lock(record: Record) -> bool:
    present = set(_lock_files())
    return bool(present if record.locks is None else present & set(record.locks))


def _lock_files() -> list[LockFile]:
    """Return the existing files of Snakemake's lock."""
    found = []
    for path in sorted(SNAKEMAKE_LOCKS.glob("*.lock")):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        found.append(LockFile(path.name, status.st_ino, status.st_mtime_ns))
    return found


def _under_way(record: Record | None) -> str:
    if record is None or record.run.state == "dead":
        return f"another run is under way in this folder, or just starting: it holds {LOCK}.\nWait for it."
    process, host = record.run.process, record.run.host
    if record.run.state == "unseen":
        return f"another run is under way in this folder: process {process} on {host}.\nWait for it, or stop it there."
    return f"another run is under way in this folder: process {process}.\nWait for it, or stop it with: kill {process}"


def _is_this_process(run: Run) -> bool:
    return run.process == os.getpid() and run.state == "alive"


def _forget_what_did_nothing(path: Path) -> None:
    """Remove the record of a run that ended before it had Snakemake's lock."""
    mine = recorded(path)
    if mine is not None and mine.locks is None and _is_this_process(mine.run):
        path.unlink()
