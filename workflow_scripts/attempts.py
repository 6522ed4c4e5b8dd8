"""Retries of jobs by how they ended: Snakemake only counts attempts, and does not distinguish a stop from a failure.

A fine-tuning may be stopped often, by a time limit or by preemption, and resumes each time, so the profile gives its
rules many attempts. A job whose script failed, according to the last line of its log, gets no more retries than other
jobs, and none if it would fail the same way again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake.jobs import Job

from ilora.endings import Ending, read_ending


class Attempts:
    """The attempts of the jobs of one run.

    Args:
        retries: retries of a job whose script failed, whatever its rule allows.
        jobs: jobs to run; logs that already exist are from an earlier run.
    """

    def __init__(self, retries: int, jobs: Iterable[Any]) -> None:
        self._retries = retries
        self._failed: defaultdict[Any, set[int]] = defaultdict(set)
        self._earlier = {log: _changed(log) for job in jobs for log in _logs(job)}

    def retries_of(self, job: Any) -> int:
        """Return the total number of retries of a job that has just failed; 0 if it must not be retried."""
        of_rule = int(job.rule.restart_times)
        endings = {read_ending(log) for log in _logs(job) if _changed(log) != self._earlier.get(log)}
        if Ending.REPEATS in endings:
            return 0
        if Ending.FAILED in endings:
            self._failed[job].add(job.attempt)
            if len(self._failed[job]) > self._retries:
                return 0
        return of_rule


def tell_stops_from_failures(workflow: Any) -> None:
    """Make Snakemake decide on retries by how a job's script ended.

    In Snakemake, the number of attempts belongs to the rule, and there is no hook to decide it per job.

    Args:
        workflow: Snakemake's workflow, whose jobs are about to run.
    """
    attempts = Attempts(workflow.execution_settings.retries, workflow.dag.needrun_jobs())
    Job.restart_times = property(attempts.retries_of)


def _logs(job: Any) -> list[Path]:
    return [Path(str(log)) for log in job.log]


def _changed(log: Path) -> int | None:
    return log.stat().st_mtime_ns if log.exists() else None
