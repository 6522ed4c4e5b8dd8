"""How a job's script ended: written to the last line of its log, from which Snakemake decides about another attempt."""

import os
from enum import StrEnum
from pathlib import Path

#: Number of bytes at the end of a log that contain its last line.
_BYTES_READ = 4096


class Ending(StrEnum):
    """Ways in which a script ends without success; the values are lines of the log."""

    STOPPED = "stopped from outside; the next attempt goes on"
    FAILED = "failed; the next attempt may succeed"
    REPEATS = "failed, and the next attempt would fail the same way"


class Interrupted(RuntimeError):
    """A training was told to stop; its state is saved, and the same command resumes it."""


#: Errors in numbers, values or the code itself occur again; errors of files, memory, devices and processes may not.
_REPEATING = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


def ending_of(error: BaseException) -> Ending:
    """Return the ending of a script that raised an error."""
    if isinstance(error, Interrupted) or not isinstance(error, Exception):
        return Ending.STOPPED
    return Ending.REPEATS if isinstance(error, _REPEATING) else Ending.FAILED


def read_ending(log: Path) -> Ending:
    """Return the ending in a log; a script that could not write one was stopped."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _BYTES_READ))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return Ending.STOPPED
    last = lines[-1] if lines else ""
    return next((ending for ending in Ending if last.endswith(f"CRITICAL {ending}")), Ending.STOPPED)
