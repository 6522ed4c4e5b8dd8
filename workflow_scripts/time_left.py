"""How long a run will still take, from how long jobs took before and how far the running ones are."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean


@dataclass(frozen=True)
class PlannedJob:
    """A job of the plan.

    Attributes:
        rule: name of its rule.
        slots: cores or nodes that it occupies.
        requested: minutes that its rule asks for, an upper bound; None if unknown.
        recorded: seconds of its last run; None if there was none.
    """

    rule: str
    slots: int
    requested: int | None
    recorded: float | None


@dataclass(frozen=True)
class RunningTime:
    """How far a running job is: seconds since its start, and seconds left by its log (None if it does not tell)."""

    elapsed: float
    left: float | None


@dataclass(frozen=True)
class Estimate:
    """Seconds left; a lower bound if jobs remain for which there is no estimate."""

    seconds: float
    is_lower_bound: bool


class TimeLeft:
    """Estimates the time left.

    A job is expected to take what it took in its last run, else the mean of its rule, else that of all rules with the
    same request.

    Args:
        jobs: planned jobs by number.
        slots: cores, or nodes, that jobs share.
    """

    def __init__(self, jobs: Mapping[int, PlannedJob], slots: int) -> None:
        self._jobs = jobs
        self._slots = max(1, slots)
        self._waiting = dict(jobs)
        self._took: list[tuple[PlannedJob, float]] = []

    def started(self, number: int) -> None:
        """Note that a job has started."""
        self._waiting.pop(number, None)

    def finished(self, number: int, seconds: float) -> None:
        """Note how long a job took."""
        self._waiting.pop(number, None)
        if number in self._jobs:
            self._took.append((self._jobs[number], seconds))

    def estimate(self, running: Mapping[int, RunningTime]) -> Estimate:
        """Return the time left, given the running jobs."""
        known = [*self._took, *self._extrapolated(running)]
        work, longest, is_lower_bound = 0.0, 0.0, False
        for number, time in running.items():
            job = self._jobs.get(number)
            expected = None if job is None else _expected(job, known)
            left = time.left if expected is None or time.left is not None else max(0.0, expected - time.elapsed)
            is_lower_bound |= left is None
            work += (left or 0.0) * (1 if job is None else job.slots)
            longest = max(longest, left or 0.0)
        for job in self._waiting.values():
            expected = _expected(job, known)
            is_lower_bound |= expected is None
            work += (expected or 0.0) * job.slots
        return Estimate(max(longest, work / self._slots), is_lower_bound)

    def _extrapolated(self, running: Mapping[int, RunningTime]) -> Iterable[tuple[PlannedJob, float]]:
        for number, time in running.items():
            if time.left is not None and number in self._jobs:
                yield self._jobs[number], time.elapsed + time.left


def _expected(job: PlannedJob, known: Iterable[tuple[PlannedJob, float]]) -> float | None:
    if job.recorded is not None:
        return job.recorded
    known = list(known)
    of_rule = [seconds for other, seconds in known if other.rule == job.rule]
    alike = [seconds for other, seconds in known if other.requested == job.requested]
    return fmean(of_rule) if of_rule else fmean(alike) if alike else None


def recorded_seconds(benchmark: str | None) -> float | None:
    """Return the seconds that a benchmark file of Snakemake holds; None if there is no readable one."""
    if benchmark is None:
        return None
    try:
        with Path(benchmark).open(encoding="utf-8", newline="") as file:
            return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    except (OSError, StopIteration, KeyError, TypeError, ValueError):
        return None
