"""The time left of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from time_left import Estimate, PlannedJob, RunningTime, TimeLeft, recorded_seconds


def job(rule: str, recorded: float | None = None, slots: int = 1, requested: int | None = 10) -> PlannedJob:
    return PlannedJob(rule, slots, requested, recorded)


def test_a_job_takes_what_it_took_before() -> None:
    left = TimeLeft({1: job("a", 60.0), 2: job("b", 30.0), 3: job("b", 30.0, slots=2)}, slots=2)
    assert left.estimate({}) == Estimate((60.0 + 30.0 + 60.0) / 2, is_lower_bound=False)
    left.started(1)
    assert left.estimate({1: RunningTime(20.0, None)}).seconds == pytest.approx((40.0 + 30.0 + 60.0) / 2)


def test_no_job_is_over_before_the_longest_running_one() -> None:
    left = TimeLeft({1: job("a", 600.0), 2: job("b", 10.0)}, slots=2)
    left.started(1)
    assert left.estimate({1: RunningTime(0.0, 500.0)}) == Estimate(500.0, is_lower_bound=False)


def test_other_jobs_of_the_rule_and_then_of_the_request_tell() -> None:
    jobs = {1: job("a"), 2: job("a"), 3: job("b"), 4: job("c", requested=60)}
    left = TimeLeft(jobs, slots=1)
    assert left.estimate({}) == Estimate(0.0, is_lower_bound=True)
    left.started(1)
    left.finished(1, 5.0)
    assert left.estimate({}) == Estimate(10.0, is_lower_bound=True)  # nothing is known of c
    left.started(4)
    assert left.estimate({4: RunningTime(10.0, 90.0)}) == Estimate(100.0, is_lower_bound=False)


def test_the_record_of_a_benchmark(tmp_path: Path) -> None:
    path = tmp_path / "job.tsv"
    assert recorded_seconds(None) is None and recorded_seconds(str(path)) is None
    path.write_text("s\th:m:s\n12.5\t0:00:12\n")
    assert recorded_seconds(str(path)) == 12.5
    path.write_text("s\th:m:s\n-\t-\n")
    assert recorded_seconds(str(path)) is None
