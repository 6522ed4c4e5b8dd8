"""At most one run works in a folder; a new one takes up what a dead one left, and stops beside a living one.

Snakemake's own lock is files that say neither who holds them nor whether they live. So a run also holds a lock of the
operating system on `.snakemake/ilora_run.lock`, which ends with its process however that ends, and is on record in
`.snakemake/ilora_run.json`: its host, its process, and the files of Snakemake's lock, once it has that. A new run
removes those very files, and no others, when their holder is provably dead: a process of this host that has ended. A
lock of unknown origin is left to Snakemake, which refuses and says what to do.

Where the file system knows no locks of the operating system, the record alone has to tell whether a run lives.
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
#: Of the operating system: this process has it, another one has it, or the file system has none.
_Lock = Literal["taken", "busy", "none"]
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)

# The operating system gives the lock back when any handle of its file is closed: this one stays open.
_handle: TextIO | None = None


class AnotherRunError(RuntimeError):
    """Another run works in this folder, or may."""


@dataclass(frozen=True)
class LockFile:
    """A file of Snakemake's lock; one that another run makes later under its name has another time or number."""

    name: str
    inode: int
    modified_ns: int


@dataclass(frozen=True)
class Record:
    """What is on record of the last run.

    Attributes:
        run: it itself.
        locks: the files of Snakemake's lock that were there when it had taken it; None before.
    """

    run: Run
    locks: tuple[LockFile, ...] | None = None


_RECORD = TypeAdapter(Record)


def was_started_to_run() -> bool:
    """Whether `run_study.py` has become this process, so that what is called is a run."""
    return os.environ.get(RUN_VARIABLE) == this_run().name


def begin() -> None:
    """Become the one run of this folder, before Snakemake plans, and take up what a dead one left.

    Raises:
        AnotherRunError: If another run works here, or one of another host may.
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
    # By then, Snakemake may have left this folder (--directory).
    atexit.register(_forget_what_did_nothing, RECORD.absolute())


def confirm() -> None:
    """Note the files of Snakemake's lock, which this run has just taken; plain `snakemake` begins here.

    Raises:
        AnotherRunError: If another run works here, or one of another host may.
    """
    mine = recorded()
    if mine is None or not _is_this_process(mine.run):
        begin()
        mine = recorded()
    assert mine is not None
    _write(replace(mine, locks=tuple(_lock_files())))


def recorded(path: Path = RECORD) -> Record | None:
    """Return what is on record, or None when there is nothing that can be read."""
    try:
        return _RECORD.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write(record: Record) -> None:
    """Put a run on record; a new file replaces the old one at once, and survives a power cut."""
    temporary = RECORD.with_suffix(f".{record.run.process}.tmp")
    with temporary.open("wb") as file:
        file.write(_RECORD.dump_json(record) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(RECORD)


def _take_lock() -> _Lock:
    """Take the lock of the operating system, for as long as this process lives."""
    global _handle
    if _handle is None:
        _handle = LOCK.open("a", encoding="utf-8")
    try:
        # By process, and not by handle: jobs that are forked do not keep it.
        fcntl.lockf(_handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return "busy"
        if error.errno in _NO_LOCKS:
            return "none"
        raise
    return "taken"


def _take_up(previous: Record, lock: _Lock) -> None:
    """Clear what the last run left if it is dead, or raise.

    Raises:
        AnotherRunError: If it lives, or may live where nobody sees it from here and holds Snakemake's lock.
    """
    run, here = previous.run, this_run()
    if _is_this_process(run):
        return
    if run.state == "alive":
        raise AnotherRunError(_under_way(previous))
    # In another container of this machine its process is not seen, but it would have kept the lock.
    is_of_this_machine = (run.host, run.boot) == (here.host, here.boot) and run.boot != ""
    if run.state == "dead" or (is_of_this_machine and lock == "taken"):
        _clear(previous)
    elif _may_hold_lock(previous):
        raise AnotherRunError(
            f"this folder is locked by a run on {run.host} (process {run.process}), which cannot be seen from here.\n"
            f"If it is over, delete {RECORD} and unlock the folder with: .venv/bin/snakemake --unlock"
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
    """Return the files of Snakemake's lock that are there."""
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
    """Take a run off the record that ended before it had Snakemake's lock: nobody need wonder whether it lives."""
    mine = recorded(path)
    if mine is not None and mine.locks is None and _is_this_process(mine.run):
        path.unlink()
