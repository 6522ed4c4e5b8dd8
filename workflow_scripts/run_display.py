"""What a terminal shows of a run: a line on the whole run, one on each running job, and messages above them.

Output of the jobs themselves goes to a file while the display is on.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from time_left import Estimate, PlannedJob, RunningTime, TimeLeft, recorded_seconds

#: Receives what jobs write to standard output and standard error.
OUTPUT = Path(".snakemake/ilora_run.out")

_SECONDS_BETWEEN_DRAWINGS = 1.0
_BAR_WIDTH = 20
_LINES_OF_ERROR = 8
_TAIL_BYTES = 8192
_DEFAULT_VARIANT = "default"
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:INFO|WARNING|ERROR|CRITICAL) ")
#: A line of `ilora.progress.Progress`.
_PROGRESS = re.compile(r"^(?P<what>.+) (?P<step>\d+)/(?P<total>\d+)(?: .*)? elapsed=\S+ left=(?P<left>\S+)$")
_UP_AND_CLEAR = "\x1b[A\x1b[2K"


@dataclass(frozen=True)
class RunningJob:
    """A job that has started.

    Attributes:
        number: Snakemake's number of the job.
        name: rule and distinguishing wildcards.
        log: path of its log; None if it has none.
        started: time of its start on the display's clock.
        wall_time: the same in seconds since 1970, to tell a log of an earlier run.
    """

    number: int
    name: str
    log: Path | None
    started: float
    wall_time: float


@dataclass(frozen=True)
class Progress:
    """How far a job is by its log: a text, and the seconds left where it counts steps."""

    text: str
    left: float | None


def terminal_size(terminal: TextIO) -> tuple[int, int]:
    """Return columns and lines of a terminal, even while standard output is redirected; 80 and 24 if unknown."""
    try:
        columns, lines = os.get_terminal_size(terminal.fileno())
    except OSError:
        columns = lines = 0
    return columns or 80, lines or 24


class Display:
    """Draws the state of a run at the bottom of a terminal, and messages above it.

    Args:
        stream: the terminal.
        size: returns columns and lines of the terminal.
        clock: seconds from a monotonic clock.
    """

    def __init__(
        self, stream: TextIO, size: Callable[[], tuple[int, int]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._size = size
        self._clock = clock
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._drawn = 0
        self._running: dict[int, RunningJob] = {}
        self._study = self._results = ""
        self._common: Collection[str] = ()
        self._total = self._done = self._failed = 0
        self._began = clock()
        self._time_left: TimeLeft | None = None

    def begin(
        self, study: str, results: str, jobs: Mapping[int, PlannedJob], slots: int, common: Collection[str] = ()
    ) -> None:
        """Start drawing, once the jobs of the run are known.

        Args:
            study: name of the study.
            results: folder of its results.
            jobs: planned jobs by number.
            slots: cores, or nodes, that jobs share.
            common: values of wildcards that all jobs have in common, and that names of jobs leave out.
        """
        with self._lock:
            self._study, self._results, self._total, self._common = study, results, len(jobs), common
            self._began = self._clock()
            self._time_left = TimeLeft(jobs, slots)
        threading.Thread(target=self._redraw_until_closed, daemon=True).start()

    def message(self, text: str) -> None:
        """Write lines that stay, above what is redrawn."""
        with self._lock:
            self._erase()
            self._stream.write(text.rstrip("\n") + "\n")
            self._draw()

    def started(self, number: int, rule: str, wildcards: Mapping[str, str], log: str | None) -> None:
        """Show a job."""
        with self._lock:
            path, name = None if log is None else Path(log), job_name(rule, wildcards, self._common)
            self._running[number] = RunningJob(number, name, path, self._clock(), time.time())
            if self._time_left is not None:
                self._time_left.started(number)
            self._draw()

    def finished(self, number: int) -> None:
        """Take a job off the display and count it."""
        with self._lock:
            job = self._running.pop(number, None)
            self._done += 1
            if self._time_left is not None and job is not None:
                self._time_left.finished(number, self._clock() - job.started)
            self._draw()

    def failed(self, number: int, rule: str) -> None:
        """Take a job off the display, and write why it failed and where its log is."""
        with self._lock:
            job = self._running.pop(number, None)
            self._failed += 1
            self.message("\n".join(_failure(rule if job is None else job.name, job)))

    def close(self) -> None:
        """Stop drawing, and write one line on the whole run."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            self._erase()
            if self._total:
                self._stream.write(self._summary() + "\n")
            self._stream.flush()

    def lines(self) -> list[str]:
        """Return what is redrawn, each line no wider than the terminal."""
        columns, rows = self._size()
        now = self._clock()
        progress = {number: _progress(job) for number, job in self._running.items()}
        shown = list(self._running.values())[: max(1, rows - 3)]
        width = max((len(job.name) for job in shown), default=0)
        lines = [self._head(now, progress)]
        for job in shown:
            left = progress[job.number].left
            times = format_time(now - job.started) + ("" if left is None else f", {format_time(left)} left")
            lines.append(f"  {job.name:<{width}}  {times}  {progress[job.number].text}".rstrip())
        hidden = len(self._running) - len(shown)
        if hidden:
            lines.append(f"  and {hidden} more")
        return [line[: columns - 1] for line in lines]

    def _head(self, now: float, progress: Mapping[int, Progress]) -> str:
        filled = _BAR_WIDTH * self._done // max(1, self._total)
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        text = f"{self._study} [{bar}] {self._done} of {self._total} jobs, {format_time(now - self._began)}"
        if self._time_left is None:
            return text
        running = {
            number: RunningTime(now - job.started, progress[number].left) for number, job in self._running.items()
        }
        return f"{text}, {_described(self._time_left.estimate(running))}"

    def _summary(self) -> str:
        took = format_time(self._clock() - self._began)
        if self._done >= self._total:
            return f"{self._study}: {self._total} jobs done in {took}. Results: {self._results}"
        failed = f", {self._failed} failed" if self._failed else ""
        return (
            f"{self._study}: {self._done} of {self._total} jobs done{failed} after {took}. "
            "Finished jobs are kept: the same command continues from here."
        )

    def _redraw_until_closed(self) -> None:
        while not self._closed.wait(_SECONDS_BETWEEN_DRAWINGS):
            with self._lock:
                if not self._closed.is_set():
                    self._draw()

    def _draw(self) -> None:
        if self._total and not self._closed.is_set():
            lines = self.lines()
            self._erase()
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._drawn = len(lines)
        self._stream.flush()

    def _erase(self) -> None:
        self._stream.write(_UP_AND_CLEAR * self._drawn)
        self._drawn = 0


def job_name(rule: str, wildcards: Mapping[str, str], common: Collection[str] = ()) -> str:
    """Return the name of a job: its rule, and the values of wildcards that distinguish it.

    Args:
        rule: name of the rule.
        wildcards: values by name; a value may be a path, whose parts count.
        common: values to leave out.
    """
    parts = [f"{name} {value}" if name == "seed" else value for name, value in wildcards.items()]
    values = [part.replace("~", " ") for value in parts for part in value.split("/")]
    told = [value for value in values if value not in common and value != _DEFAULT_VARIANT]
    return ": ".join(filter(None, [rule, ", ".join(told)]))


def format_time(seconds: float) -> str:
    """Return seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _described(estimate: Estimate) -> str:
    if estimate.is_lower_bound:
        return f"at least {format_time(estimate.seconds)} left" if estimate.seconds else "time left not known yet"
    return f"about {format_time(estimate.seconds)} left"


def _progress(job: RunningJob) -> Progress:
    """Return the last thing that a job's log says."""
    for line in reversed(_tail(job.log, job.wall_time)):
        if _STAMP.match(line):
            text = _STAMP.sub("", line)
            found = _PROGRESS.match(text)
            if found is None:
                return Progress(text, None)
            step, total = int(found["step"]), int(found["total"])
            share = f" ({100 * step // total} %)" if total else ""
            return Progress(f"{found['what']} {step:,} of {total:,}{share}", _seconds(found["left"]))
    return Progress("", None)


def _seconds(duration: str) -> float | None:
    """Return the seconds of ``h:mm:ss``; None for a question mark."""
    parts = duration.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return float(3600 * hours + 60 * minutes + seconds)


def _failure(name: str, job: RunningJob | None) -> Iterator[str]:
    yield f"FAILED: {name}"
    log = None if job is None else job.log
    lines = [] if job is None else _tail(log, job.wall_time)
    if not lines:
        # A script that fails while it imports has no log yet.
        log, lines = OUTPUT, _tail(OUTPUT, 0.0)
    yield from (f"    {line}" for line in lines[-_LINES_OF_ERROR:])
    yield f"    Log: {log}"


def _tail(path: Path | None, not_before: float) -> list[str]:
    """Return the last lines of a file; none if it is missing or older than a time in seconds since 1970."""
    if path is None:
        return []
    try:
        # Clocks of file systems are coarse.
        if path.stat().st_mtime < not_before - 1.0:
            return []
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


_display: Display | None = None
_terminal: int | None = None


def open_display(stream: TextIO) -> Display:
    """Return the display of this process, on a copy of the stream that later redirections leave alone."""
    global _display
    copy = os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", errors="replace")
    _display = Display(copy, partial(terminal_size, copy))
    return _display


def begin(workflow: Any, study: str, results: str, common: Collection[str]) -> None:
    """Show a run whose jobs are about to start; a no-op without a display.

    Args:
        workflow: Snakemake's workflow, with its plan.
        study: name of the study.
        results: folder of its results.
        common: values of wildcards that names of jobs leave out.
    """
    if _display is None:
        return
    slots = workflow.cores if workflow.local_exec else workflow.nodes
    _redirect_output()
    _display.begin(study, results, _planned(workflow.dag.needrun_jobs(), workflow.local_exec), int(slots), common)


def _planned(jobs: Iterable[Any], is_local: bool) -> dict[int, PlannedJob]:
    planned = {}
    for job in jobs:
        requested = job.resources.get("runtime")
        planned[int(job.jobid)] = PlannedJob(
            rule=job.rule.name,
            slots=max(1, int(job.threads)) if is_local else 1,
            requested=requested if isinstance(requested, int) else None,
            recorded=recorded_seconds(None if job.benchmark is None else str(job.benchmark)),
        )
    return planned


def _redirect_output() -> None:
    """Send standard output and error of this process, and of the jobs that it starts, to a file."""
    global _terminal
    sys.stdout.flush()
    sys.stderr.flush()
    _terminal = os.dup(2)
    file = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    previous = sys.excepthook

    def show_on_terminal(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        restore_output()
        previous(kind, error, trace)

    sys.excepthook = show_on_terminal


def restore_output() -> None:
    """Send standard output and error to the terminal again."""
    global _terminal
    if _terminal is None:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (1, 2):
        os.dup2(_terminal, stream)
    os.close(_terminal)
    _terminal = None
