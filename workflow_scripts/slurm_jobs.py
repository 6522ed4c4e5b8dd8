"""Jobs in Slurm's queue that no Snakemake waits for: found by the id of their run, and cancelled.

A Snakemake that is killed outright (SIGKILL, a reboot of the login node) leaves its jobs in the queue, and one that is
interrupted may have submitted some meanwhile. A later run must not submit the same jobs beside them. Each run's id, the
name of all its jobs, is therefore on record in `.snakemake/slurm_runs` with its host and process, while it lasts.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import snakemake_executor_plugin_slurm as plugin
from snakemake_executor_plugin_slurm.job_status_query import get_min_job_age
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

from runs import Run, this_run

RECORDS = Path(".snakemake/slurm_runs")
UNFINISHED = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING"
SECONDS_TO_LEAVE = 300.0
SECONDS_BETWEEN_LOOKS = 1.0
# The plugin looks at its jobs every three minutes at least.
SECONDS_TO_REMEMBER = 240
# Resources that a message about a refusal leaves out: rules and Snakemake set them, and Slurm takes any.
USUAL_RESOURCES = ("tmpdir", "mem", "mem_mb", "mem_mib", "disk", "disk_mb", "disk_mib", "runtime")


class Job(Protocol):
    """What is read of a job of Snakemake."""

    rule: Any
    resources: Any
    threads: int


class Executor(Protocol):
    """What is asked of the executor of Slurm."""

    workflow: Any

    def get_status_command(self) -> str:
        """Return the command that is asked for the state of jobs."""

    def get_account_arg(self, job: Job) -> Iterator[str]:
        """Yield the options of sbatch that name a job's accounts, once they have been found right."""

    def get_partition_arg(self, job: Job) -> str:
        """Return the option of sbatch that names a job's partition."""


class SlurmJobsError(RuntimeError):
    """Jobs of another run are in the queue, or may be, and cannot be cancelled."""


def cancel_dead_runs() -> None:
    """Cancel what dead runs of this host left in the queue, and take them off the record.

    A job that is cancelled takes its files away, so this is done before a new run looks which files there are.

    Raises:
        SlurmJobsError: If jobs are left that cannot be cancelled, or Slurm cannot be asked.
    """
    for run_id, run in recorded_runs():
        if run.state == "dead":
            cancelled = cancel_jobs(run_id)
            _record_of(run_id).unlink(missing_ok=True)
            if cancelled:
                print(f"cancelled {cancelled} jobs that a killed run left in Slurm's queue", file=sys.stderr)


def begin_run(run_id: str | None) -> None:
    """Put a run on record, unless one that cannot be seen from here has jobs; a living one has other results.

    Args:
        run_id: The name of the run's jobs in Slurm; None for a local run.

    Raises:
        SlurmJobsError: If a run that was started on another host, or in another container, has jobs, where nobody can
            see whether it lives, or Slurm cannot be asked.
    """
    for earlier_id, earlier in recorded_runs():
        if earlier.state == "unseen":
            refuse_if_busy(earlier_id, earlier)
    if run_id is not None:
        RECORDS.mkdir(parents=True, exist_ok=True)
        _record_of(run_id).write_text(json.dumps(asdict(this_run())) + "\n", encoding="utf-8")


def check_slurm(executor: Executor, jobs: Iterable[Job]) -> None:
    """Find out before the first submission what the plugin asks where nobody sees an error, and then waits for ever.

    Args:
        executor: Of Slurm.
        jobs: That are to be run.

    Raises:
        SlurmJobsError: If `squeue` forgets finished jobs before Snakemake looks at them, an account is not the user's,
            Slurm does not answer, or the plugin would refuse what a job asks for; every rule with such jobs is named.
    """
    if executor.get_status_command() == "squeue":
        _check_memory_of_squeue()
    places: dict[str, dict[str, str]] = {}
    refused: dict[str, str] = {}
    for job in jobs:
        rule = job.rule.name
        if rule in refused:
            continue
        try:
            # Slurm is asked once for each rule, since each question takes a while.
            if rule not in places:
                places[rule] = {"account": _account(executor, job), "partition": executor.get_partition_arg(job)}
            _check_resources(executor, job, places[rule])
        # Of any kind: in the plugin's own thread nobody would see it, and Snakemake would wait for ever.
        except Exception as error:
            refused[rule] = f"rule {rule} asks for {_asked_for(job)}: {error or type(error).__name__}"
    if refused:
        raise SlurmJobsError(
            "nothing was submitted, since Snakemake's plugin for Slurm refuses what these rules ask for:\n"
            + "\n".join(refused.values())
            + "\nChange the resources in slurm/config.yaml. docs/cluster.md says how to ask for a GPU whose name has a "
            "hyphen, for a quality of service, and under an account whose name is a number."
        )


def _check_memory_of_squeue() -> None:
    """Raise if `squeue` forgets a finished job too soon; otherwise have the plugin remember how long it does not.

    The plugin reads MinJobAge at each look at its jobs. While Slurm's controller is away it reads nothing, takes that
    for too short, and asks `sacct`, which never answers on a cluster that keeps no accounts.
    """
    age = get_min_job_age()
    if age is None:
        return
    if age < SECONDS_TO_REMEMBER:
        raise SlurmJobsError(
            f"Slurm forgets a finished job after {age} seconds (MinJobAge), before Snakemake looks at it again. Ask "
            f"for {SECONDS_TO_REMEMBER} or more; or, where the cluster keeps accounts, set slurm-status-command: sacct "
            "in slurm/config.yaml"
        )
    plugin.get_min_job_age = lambda: age


def _account(executor: Executor, job: Job) -> str:
    """Return the option of sbatch for a job's first account, once all have been found right."""
    accounts = list(executor.get_account_arg(job))
    if not accounts:
        raise SlurmJobsError("slurm_account names no account")
    return accounts[0]


def _check_resources(executor: Executor, job: Job, place: Mapping[str, str]) -> None:
    """Have the plugin write a job's call of sbatch, as it does later, which raises where it refuses a resource."""
    validate_slurm_extra(job)
    rest = {"run_uuid": "", "slurm_logfile": "", "comment_str": "", "workdir": ""}
    get_submit_command(job, {**place, **rest}, settings=executor.workflow.executor_settings)
    set_gres_string(job)


def _asked_for(job: Job) -> str:
    """Return the resources that a profile may have set, as they stand in a message."""
    named = {
        name: value for name, value in job.resources.items() if name not in USUAL_RESOURCES and not name.startswith("_")
    }
    return ", ".join(f"{name}={value!r}" for name, value in named.items()) or "nothing of its own"


def run_id(workflow: Any) -> str | None:
    """Return the name that the executor of Slurm gives all jobs of a run; None for a local run."""
    # Its log says it too, but not with `--quiet`.
    found: str | None = getattr(workflow.scheduler._executor, "run_uuid", None)
    return found


def forget_run(run_id: str | None) -> None:
    """Take a run that has no jobs any more off the record."""
    if run_id is not None:
        _record_of(run_id).unlink(missing_ok=True)


def cancel_run(run_id: str | None) -> None:
    """Cancel what a failed or interrupted run still has in the queue, and take it off the record."""
    if run_id is not None:
        cancel_jobs(run_id)
        _record_of(run_id).unlink(missing_ok=True)


def recorded_runs() -> Iterator[tuple[str, Run]]:
    """Yield the id, host and process of every run on record."""
    for path in sorted(RECORDS.glob("*.json")):
        try:
            yield path.stem, Run(**json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError):
            # Killed while it wrote its record: it had submitted nothing yet.
            path.unlink()


def refuse_if_busy(run_id: str, run: Run) -> None:
    """Raise if a run that cannot be seen from here has jobs.

    Raises:
        SlurmJobsError: If it has, or Slurm cannot be asked.
    """
    waiting = jobs_of(run_id)
    if waiting:
        raise SlurmJobsError(
            f"{len(waiting)} jobs of run {run_id} are in Slurm's queue. Process {run.process} on {run.host} is their "
            f"Snakemake; whether it lives cannot be seen from {socket.gethostname()}. Start there; or, if it is dead, "
            f"cancel its jobs with: scancel --name={run_id}"
        )


def cancel_jobs(run_id: str) -> int:
    """Cancel the jobs of a run, wait until the last has ended, and return how many there were.

    Raises:
        SlurmJobsError: If some are still there after five minutes.
    """
    found = jobs_of(run_id)
    waiting = found
    deadline = time.monotonic() + SECONDS_TO_LEAVE
    while waiting:
        if time.monotonic() > deadline:
            raise SlurmJobsError(f"cancelled, but still in Slurm's queue: {', '.join(waiting)}. Start again later.")
        _ask("scancel", f"--name={run_id}")
        time.sleep(SECONDS_BETWEEN_LOOKS)
        waiting = jobs_of(run_id)
    return len(found)


def jobs_of(run_id: str) -> list[str]:
    """Return the numbers of a run's jobs that wait, run or are ending."""
    return _ask("squeue", "--noheader", "--format=%i", f"--states={UNFINISHED}", f"--name={run_id}").split()


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        reason = "the command is not there"
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip()
    raise SlurmJobsError(
        f"{' '.join(command)}: {reason}. A run may have jobs in Slurm's queue, which would write the same files. Start "
        f"where Slurm answers; or, if nothing is in the queue, delete {RECORDS}."
    )


def _record_of(run_id: str) -> Path:
    return RECORDS / f"{run_id}.json"
