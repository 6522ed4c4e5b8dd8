"""The parts of the benchmark, those that matter most first, and how one is run: in its time, with nothing lost."""

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
    """A part has had its seconds. No error, so that nothing on the way takes it for one of its own."""


@dataclass(frozen=True)
class Bench:
    """Where everything is measured.

    Attributes:
        device: the first GPU, or the processor.
        sizes: of everything.
        folder: for files that are needed while it lasts.
        prepared: folder of files that were prepared beforehand (`ilora.benchmarks.gpu.preparation`); None for none.
        made: folder in which what the prepared jobs made is handed back.
    """

    device: torch.device
    sizes: Sizes
    folder: Path
    prepared: Path | None
    made: Path


@dataclass(frozen=True)
class Section:
    """A piece of a part. Where it ends with an error, the next one is run all the same.

    Attributes:
        name: what it is about.
        measure: gives what it measures, one after the other.
    """

    name: str
    measure: Callable[[], Iterable[Measurement]]


@dataclass(frozen=True)
class Part:
    """A part of the benchmark.

    Attributes:
        budget_seconds: after which it is ended, on a GPU.
        sections: gives its sections; what they share is made in between.
    """

    budget_seconds: float
    sections: Callable[[Bench], Iterator[Section]]


def run_part(name: str, part: Part, bench: Bench, report: Report) -> None:
    """Run a part, and write the report after each measurement.

    An error ends its section, and one outside of sections the part; both stand in the report.
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
    except Exception as error:  # the other parts go on, whatever ended this one
        entry.error = described(error)
    free_memory(bench.device)
    entry.seconds = time.monotonic() - begun
    if entry.status == "running":
        entry.status = "done" if entry.is_right else "failed"
    report.write()
    ended = f": {entry.error}" if entry.error else ""
    print(f"{name}: {entry.status} after {entry.seconds:.1f} s of {budget:.0f}{ended}", flush=True)


def _run_sections(part: Part, bench: Bench, keep: Callable[[Measurement], None]) -> None:
    """Run them in a frame of their own: what they hold goes with it, and the next part has the memory."""
    for section in part.sections(bench):
        _run_section(section, keep)
        free_memory(bench.device)


def _run_section(section: Section, keep: Callable[[Measurement], None]) -> None:
    try:
        for measurement in section.measure():
            keep(measurement)
    except Exception as error:  # the other sections go on
        keep(Failure(section.name, described(error)))


def described(error: Exception) -> str:
    """Return an error's kind and its message."""
    return f"{type(error).__name__}: {error}"


def free_memory(device: torch.device) -> None:
    """Give back a GPU's memory that no object holds any more."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End what happens inside after some seconds, once Python is at work again: a kernel in flight is awaited.

    Raises:
        OutOfTime: they are over.
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
