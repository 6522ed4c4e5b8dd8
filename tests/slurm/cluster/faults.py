"""Faults of a cluster, each injected into a running workflow at a random moment."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import psutil

from one_node_slurm import NODE, UNFINISHED, Job
from slurm_checkout import Invocation, SlurmCheckout, wait_until

SECONDS_FOR_A_JOB_TO_RUN = 600.0
LONGEST_OUTAGE = 20.0


class TooLateError(Exception):
    """At the chosen moment, nothing was running that the fault could hit."""


@dataclass(frozen=True)
class Moment:
    """A moment in a run: at most `longest` seconds after a job of some rule started."""

    random_numbers: random.Random
    place: SlurmCheckout
    run: Invocation
    rule: str
    longest: float

    @property
    def has_ended(self) -> bool:
        """Whether the run is over."""
        return self.run.process.poll() is not None

    def running_jobs(self) -> list[Job]:
        """Return the run's jobs that are running."""
        jobs = self.place.slurm.jobs(("RUNNING",))
        return [job for job in jobs if job.name == self.run.run_id]

    def wait(self) -> None:
        """Wait for the moment."""
        begun = wait_until(lambda: any(job.rule == self.rule for job in self.running_jobs()), SECONDS_FOR_A_JOB_TO_RUN)
        assert begun, f"no job of {self.rule} runs:\n{self.run.output}"
        time.sleep(self.random_numbers.uniform(0, self.longest))

    def job(self) -> Job:
        """Wait for the moment, and return the job running then, or the next one.

        Raises:
            TooLateError: the moment came after the run's last job.
        """
        self.wait()
        running: list[Job] = []

        def some_run() -> bool:
            running[:] = self.running_jobs()
            return bool(running) or self.has_ended

        assert wait_until(some_run, SECONDS_FOR_A_JOB_TO_RUN), f"no job runs:\n{self.run.output}"
        if not running:
            raise TooLateError
        return self.random_numbers.choice(running)

    def signal_a_job(self, action: str) -> Job:
        """Send a signal to every process of a job that runs at the moment, and return the job.

        Raises:
            TooLateError: it had no processes left.
        """
        job = self.job()
        processes = self.place.slurm.processes_of(job)
        if not processes:
            raise TooLateError
        for process in processes:
            _signal(process, action)
        return job

    def outage(self) -> None:
        """Wait for the duration of an outage."""
        time.sleep(self.random_numbers.uniform(1, LONGEST_OUTAGE))


def kill_a_job(moment: Moment) -> str:
    """Kill every process of a job, like the kernel when memory runs out."""
    return moment.signal_a_job("kill").rule


def cancel_a_job(moment: Moment) -> str:
    """Cancel a job without Snakemake's knowledge."""
    job = moment.job()
    moment.place.slurm.command("scancel", job.number)
    return job.rule


def let_a_job_run_out_of_time(moment: Moment) -> str:
    """Suspend a job's processes and let its time limit expire, which Slurm checks every half minute."""
    job = moment.signal_a_job("suspend")
    moment.place.slurm.command("scontrol", "update", f"JobId={job.number}", "EndTime=now")
    ended = wait_until(lambda: _state(moment, job) not in UNFINISHED, 300)
    assert ended and _state(moment, job) == "TIMEOUT", _state(moment, job)
    return job.rule


def restart_the_node(moment: Moment) -> str:
    """Stop slurmd while jobs run, and restart it."""
    moment.wait()
    moment.place.slurm.stop_service("slurmd")
    moment.outage()
    moment.place.slurm.start_node()
    return "slurmd"


def restart_the_controller(moment: Moment) -> str:
    """Stop slurmctld, so that submissions and queries fail, and restart it."""
    moment.wait()
    moment.place.slurm.stop_service("slurmctld")
    moment.outage()
    moment.place.slurm.start_controller()
    return "slurmctld"


def drain_the_node(moment: Moment) -> str:
    """Drain the node, so that no job starts, and resume it."""
    moment.wait()
    moment.place.slurm.command("scontrol", "update", f"NodeName={NODE}", "State=DRAIN", "Reason=test")
    moment.outage()
    moment.place.slurm.command("scontrol", "update", f"NodeName={NODE}", "State=RESUME")
    return "the node"


def kill_snakemake(moment: Moment) -> str:
    """Kill Snakemake with SIGKILL; its jobs continue."""
    moment.wait()
    moment.run.kill()
    return f"Snakemake, with {len(moment.running_jobs())} running jobs"


def interrupt_snakemake(moment: Moment) -> str:
    """Press Ctrl-C; Snakemake cancels its jobs before it ends."""
    moment.wait()
    if moment.has_ended:
        raise TooLateError
    moment.run.interrupt()
    assert moment.run.wait() != 0, moment.run.output
    left = [job for job in moment.place.slurm.jobs(UNFINISHED) if job.name == moment.run.run_id]
    assert left == [], moment.run.output
    return "Ctrl-C"


def _state(moment: Moment, job: Job) -> str:
    return next(found.state for found in moment.place.slurm.jobs() if found.number == job.number)


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return
