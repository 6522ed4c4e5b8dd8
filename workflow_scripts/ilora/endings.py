"""How a job's script ended: said in the last line of its log, and read there by Snakemake, which may try it again."""

import os
from enum import StrEnum
from pathlib import Path

#: Of the end of a log, which holds its last line.
_BYTES_READ = 4096


class Ending(StrEnum):
    """Ways in which a script ends that did not do its work; the values are lines of the log."""

    STOPPED = "stopped from outside; the next attempt goes on"
    FAILED = "failed; the next attempt may succeed"
    REPEATS = "failed, and the next attempt would fail the same way"


class Interrupted(RuntimeError):
    """A training was told to stop; its state is kept, and the same command goes on from there."""


#: What the code finds wrong with numbers, values or itself is there the next time too. What it finds of files, memory,
#: devices and other processes may not be.
_REPEATING = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


def ending_of(error: BaseException) -> Ending:
    """Return how a script ended that an error ended."""
    if isinstance(error, Interrupted) or not isinstance(error, Exception):
        return Ending.STOPPED
    return Ending.REPEATS if isinstance(error, _REPEATING) else Ending.FAILED


def read_ending(log: Path) -> Ending:
    """Return how the script of a log ended; one that could not say anything any more was stopped."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _BYTES_READ))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return Ending.STOPPED
    last = lines[-1] if lines else ""
    return next((ending for ending in Ending if last.endswith(f"CRITICAL {ending}")), Ending.STOPPED)
