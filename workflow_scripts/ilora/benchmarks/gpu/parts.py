"""Parts of the benchmark, and their execution within a time budget without loss of measurements."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch

from ilora.benchmarks.gpu.report import Failure, Measurement, PartReport, Report, show
from ilora.benchmarks.gpu.sizes import Sizes


class OutOfTime(BaseException):
    """A part has used up its time budget. Not an `Exception`, so that no handler inside the part catches it."""


@dataclass(frozen=True)
class Bench:
    """The environment of the measurements.

    Attributes:
        device: the first GPU, or the processor.
        sizes: sizes of all measurements.
        folder: folder for temporary files.
        prepared: folder of the prepared files (`ilora.benchmarks.gpu.preparation`); None for none.
        made: folder for the output of the prepared jobs.
    """

    device: torch.device
    sizes: Sizes
    folder: Path
    prepared: Path | None
    made: Path


@dataclass(frozen=True)
class Section:
    """A section of a part. An error ends the section, but not the part.

    Attributes:
        name: name of the section.
        measure: yields its measurements.
    """

    name: str
    measure: Callable[[], Iterable[Measurement]]


@dataclass(frozen=True)
class Part:
    """A part of the benchmark.

    Attributes:
        budget_seconds: time limit on a GPU.
        sections: yields its sections, creating shared objects as needed.
    """

    budget_seconds: float
    sections: Callable[[Bench], Iterator[Section]]


def run_part(name: str, part: Part, bench: Bench, report: Report) -> None:
    """Run a part, and write the report after each measurement.

    An error ends its section, or the part if it occurs outside a section; it is recorded in the report.
    """
    budget = part.budget_seconds * bench.sizes.patience
    entry = report.parts[name] = PartReport(budget)
    begun = time.monotonic()

    def keep(measurement: Measurement) -> None:
        entry.measurements.append(measurement)
        entry.seconds = time.monotonic() - begun
        report.write()
        print(f"{name}: {show(measurement)}", flush=True)

    try:
        with time_limit(budget):
            _run_sections(part, bench, keep)
    except OutOfTime:
        entry.status = "out of time"
    except Exception as error:  # the other parts run regardless
        entry.error = described(error)
    free_memory(bench.device)
    entry.seconds = time.monotonic() - begun
    if entry.status == "running":
        entry.status = "done" if entry.is_right else "failed"
    report.write()
    ended = f": {entry.error}" if entry.error else ""
    print(f"{name}: {entry.status} after {entry.seconds:.1f} s of {budget:.0f}{ended}", flush=True)


def _run_sections(part: Part, bench: Bench, keep: Callable[[Measurement], None]) -> None:
    """Run the sections in a separate frame, so that their memory is freed before the next part."""
    for section in part.sections(bench):
        _run_section(section, keep)
        free_memory(bench.device)


def _run_section(section: Section, keep: Callable[[Measurement], None]) -> None:
    try:
        for measurement in section.measure():
            keep(measurement)
    except Exception as error:  # the other sections run regardless
        keep(Failure(section.name, described(error)))


def described(error: Exception) -> str:
    """Return the type and message of an error."""
    return f"{type(error).__name__}: {error}"


def free_memory(device: torch.device) -> None:
    """Release unused GPU memory."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the time of the block. A running kernel finishes first, since signals are handled in Python code.

    Raises:
        OutOfTime: the time is up.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    previous = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
