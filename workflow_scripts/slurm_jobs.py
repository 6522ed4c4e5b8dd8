"""Orphaned jobs in Slurm's queue: found by the id of their run, and cancelled.

A Snakemake process that is killed outright (SIGKILL, a reboot of the login node) leaves its jobs in the queue, and an
interrupted one may have submitted more in the meantime. A later run must not submit the same jobs again. So each active
run is recorded in `.snakemake/slurm_runs`, with its id, which is the name of all its jobs, its host and its process.
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
# The plugin checks its jobs at least every three minutes.
SECONDS_TO_REMEMBER = 240
# Resources that error messages leave out: rules and Snakemake set them, and Slurm accepts any value.
USUAL_RESOURCES = ("tmpdir", "mem", "mem_mb", "mem_mib", "disk", "disk_mb", "disk_mib", "runtime")


class Job(Protocol):
    """The attributes of a Snakemake job that are read here."""

    rule: Any
    resources: Any
    threads: int


class Executor(Protocol):
    """The part of the Slurm executor that is used here."""

    workflow: Any

    def get_status_command(self) -> str:
        """Return the command that queries the state of jobs."""

    def get_account_arg(self, job: Job) -> Iterator[str]:
        """Yield the sbatch options for a job's accounts, after checking them."""

    def get_partition_arg(self, job: Job) -> str:
        """Return the sbatch option for a job's partition."""


class SlurmJobsError(RuntimeError):
    """Jobs of another run are or may be in the queue and cannot be cancelled, or Slurm refuses jobs."""


def cancel_dead_runs() -> None:
    """Cancel the jobs of dead runs of this host, and remove their records.

    A cancelled job removes its files, so this happens before a new run checks which files exist.

    Raises:
        SlurmJobsError: some jobs cannot be cancelled, or Slurm cannot be queried.
    """
    for run_id, run in recorded_runs():
        if run.state == "dead":
            cancelled = cancel_jobs(run_id)
            _record_of(run_id).unlink(missing_ok=True)
            if cancelled:
                print(f"cancelled {cancelled} jobs that a killed run left in Slurm's queue", file=sys.stderr)


def begin_run(run_id: str | None) -> None:
    """Record a run, unless a run that is not visible from here has jobs; a visible live one has other results.

    Args:
        run_id: name of the run's jobs in Slurm; None for a local run.

    Raises:
        SlurmJobsError: a run on another host or in another container has jobs, so that it is unknown whether it is
            alive; or Slurm cannot be queried.
    """
    for earlier_id, earlier in recorded_runs():
        if earlier.state == "unseen":
            refuse_if_busy(earlier_id, earlier)
    if run_id is not None:
        RECORDS.mkdir(parents=True, exist_ok=True)
        _record_of(run_id).write_text(json.dumps(asdict(this_run())) + "\n", encoding="utf-8")


def check_slurm(executor: Executor, jobs: Iterable[Job]) -> None:
    """Check, before the first submission, conditions on which the plugin would fail silently and wait forever.

    Args:
        executor: the Slurm executor.
        jobs: jobs to run.

    Raises:
        SlurmJobsError: `squeue` forgets finished jobs before Snakemake checks them, an account is not the user's, Slurm
            does not respond, or the plugin would refuse the resources of a job; the message names all such rules.
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
            # One query per rule, because each takes a while.
            if rule not in places:
                places[rule] = {"account": _account(executor, job), "partition": executor.get_partition_arg(job)}
            _check_resources(executor, job, places[rule])
        # Any exception counts: in the plugin's own thread it would be lost, and Snakemake would wait forever.
        except Exception as error:
            refused[rule] = f"rule {rule} requests {_asked_for(job)}: {error or type(error).__name__}"
    if refused:
        raise SlurmJobsError(
            "nothing was submitted, because Snakemake's plugin for Slurm refuses the resources of these rules:\n"
            + "\n".join(refused.values())
            + "\nChange the resources in slurm/config.yaml. docs/cluster.md explains how to request a GPU whose name "
            "contains a hyphen, a quality of service, and an account whose name is a number."
        )


def _check_memory_of_squeue() -> None:
    """Raise an error if `squeue` forgets finished jobs too soon; otherwise fix the value that the plugin uses.

    The plugin reads MinJobAge at each check of its jobs. While Slurm's controller is down it reads nothing, treats that
    as too short, and calls `sacct`, which never responds on a cluster without accounting.
    """
    age = get_min_job_age()
    if age is None:
        return
    if age < SECONDS_TO_REMEMBER:
        raise SlurmJobsError(
            f"Slurm forgets a finished job after {age} seconds (MinJobAge), before Snakemake checks it again. Ask your "
            f"administrator for {SECONDS_TO_REMEMBER} or more; or, if the cluster has accounting, set "
            "slurm-status-command: sacct in slurm/config.yaml"
        )
    plugin.get_min_job_age = lambda: age


def _account(executor: Executor, job: Job) -> str:
    """Return the sbatch option for a job's first account, after all have been checked."""
    accounts = list(executor.get_account_arg(job))
    if not accounts:
        raise SlurmJobsError("slurm_account is empty, expected the name of an account")
    return accounts[0]


def _check_resources(executor: Executor, job: Job, place: Mapping[str, str]) -> None:
    """Let the plugin build a job's sbatch command, as it does later, which raises if it refuses a resource."""
    validate_slurm_extra(job)
    rest = {"run_uuid": "", "slurm_logfile": "", "comment_str": "", "workdir": ""}
    get_submit_command(job, {**place, **rest}, settings=executor.workflow.executor_settings)
    set_gres_string(job)


def _asked_for(job: Job) -> str:
    """Return the resources that a profile may have set, for a message."""
    named = {
        name: value for name, value in job.resources.items() if name not in USUAL_RESOURCES and not name.startswith("_")
    }
    return ", ".join(f"{name}={value!r}" for name, value in named.items()) or "only default resources"


def run_id(workflow: Any) -> str | None:
    """Return the name that the Slurm executor gives all jobs of a run; None for a local run."""
    # Its log contains the name too, but not with `--quiet`.
    found: str | None = getattr(workflow.scheduler._executor, "run_uuid", None)
    return found


def forget_run(run_id: str | None) -> None:
    """Remove the record of a run that has no more jobs."""
    if run_id is not None:
        _record_of(run_id).unlink(missing_ok=True)


def cancel_run(run_id: str | None) -> None:
    """Cancel the remaining jobs of a failed or interrupted run, and remove its record."""
    if run_id is not None:
        cancel_jobs(run_id)
        _record_of(run_id).unlink(missing_ok=True)


def recorded_runs() -> Iterator[tuple[str, Run]]:
    """Yield the id and the run of every record."""
    for path in sorted(RECORDS.glob("*.json")):
        try:
            yield path.stem, Run(**json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError):
            # The run was killed while it wrote its record, before it submitted anything.
            path.unlink()


def refuse_if_busy(run_id: str, run: Run) -> None:
    """Raise an error if a run that is not visible from here has jobs.

    Raises:
        SlurmJobsError: it has jobs, or Slurm cannot be queried.
    """
    waiting = jobs_of(run_id)
    if waiting:
        raise SlurmJobsError(
            f"{len(waiting)} jobs of run {run_id} are in Slurm's queue. Their Snakemake is process {run.process} on "
            f"{run.host}; whether it is alive is not visible from {socket.gethostname()}. Start there; or, if it is "
            f"dead, cancel its jobs with: scancel --name={run_id}"
        )


def cancel_jobs(run_id: str) -> int:
    """Cancel the jobs of a run, wait until all have ended, and return how many there were.

    Raises:
        SlurmJobsError: some are still in the queue after five minutes.
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
    """Return the ids of a run's jobs that are pending, running or completing."""
    return _ask("squeue", "--noheader", "--format=%i", f"--states={UNFINISHED}", f"--name={run_id}").split()


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        reason = "command not found"
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip()
    raise SlurmJobsError(
        f"{' '.join(command)}: {reason}. A run may have jobs in Slurm's queue that would write the same files. Start "
        f"where Slurm responds; or, if nothing is in the queue, delete {RECORDS}."
    )


def _record_of(run_id: str) -> Path:
    return RECORDS / f"{run_id}.json"
