"""Which jobs Snakemake tries again: it counts attempts alone, and cannot tell a stop from a failure.

A fine-tuning may be stopped often, by a time limit or by preemption, and goes on each time; the profile gives its rules
many attempts for that. A job whose script failed, as the last line of its log says, has no more than other jobs; one
that would fail the same way again has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake.jobs import Job

from ilora.endings import Ending, read_ending


class Attempts:
    """What the jobs of one run have come to.

    Args:
        retries: of a job whose script failed, besides those of its rule.
        jobs: that are to be run; a log that is there already is of an earlier run.
    """

    def __init__(self, retries: int, jobs: Iterable[Any]) -> None:
        self._retries = retries
        self._failed: defaultdict[Any, set[int]] = defaultdict(set)
        self._earlier = {log: _changed(log) for job in jobs for log in _logs(job)}

    def retries_of(self, job: Any) -> int:
        """Return how often a job that has just failed may be tried again, in all; 0 if not even once more."""
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
    """Have Snakemake ask, when a job has failed, how its script ended.

    The number of attempts is a property of the rule in Snakemake, which has no other place to decide by job.

    Args:
        workflow: whose jobs are about to run.
    """
    attempts = Attempts(workflow.execution_settings.retries, workflow.dag.needrun_jobs())
    Job.restart_times = property(attempts.retries_of)


def _logs(job: Any) -> list[Path]:
    return [Path(str(log)) for log in job.log]


def _changed(log: Path) -> int | None:
    return log.stat().st_mtime_ns if log.exists() else None
