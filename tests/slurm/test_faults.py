"""Faults lose nothing: each round ends, after at most one restart, with the same bytes as the undisturbed run.

A round starts from a copy of the finished smoke study that lacks the outputs of four jobs, some of them on Slurm and
one depending on another. Set FAULT_SEED to the seed printed by a round to reproduce its moment.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

import faults
from checkout import Checkout
from faults import Moment, TooLateError
from one_node_slurm import Job, OneNodeSlurm
from slurm_checkout import Invocation, SlurmCheckout

pytestmark = pytest.mark.timeout(2400)

PLACE = "movielens/random_users"
SEED = "default/seed~1"
TUNED = f"finetune/{PLACE}/embedded/llara/{SEED}"
ANSWERS = f"llm/{PLACE}/embedded/llara/{SEED}"
BASELINE = f"baselines/{PLACE}/popularity"


@dataclass(frozen=True)
class Part:
    """A part of the study that a round remakes: its files, and the number of jobs of each rule."""

    files: tuple[str, ...]
    on_slurm: dict[str, int]
    beside: dict[str, int]

    @property
    def jobs(self) -> Counter[str]:
        """All jobs of the part."""
        return Counter(self.on_slurm | self.beside)

    @property
    def targets(self) -> tuple[str, ...]:
        """The arguments of Snakemake that request only this part."""
        return ("--", *(f"results/smoke/{file}" for file in self.files))


ADAPTER = Part(
    files=(f"{ANSWERS}/predictions.parquet", f"{ANSWERS}/metrics.parquet", f"{TUNED}/adapter/README.md"),
    on_slurm={"fine_tune": 1, "answer_fine_tuned": 1},
    beside={"compute_metrics": 1, "describe_adapter": 1},
)
DATA = Part(
    files=(
        f"data/{PLACE}/candidates.parquet",
        f"data/{PLACE}/dataset_statistics.parquet",
        f"{BASELINE}/predictions.parquet",
        f"{BASELINE}/metrics.parquet",
    ),
    on_slurm={"draw_candidates": 1, "compute_dataset_statistics": 1, "score_baseline": 1},
    beside={"compute_metrics": 1},
)
# Fine-tuning and its dependents in one round, data and a baseline in the next.
PARTS = (ADAPTER, DATA)
# Each fault in each part, and with both ways to start Snakemake where it is killed itself.
ROUNDS = {
    faults.kill_a_job: 2,
    faults.cancel_a_job: 2,
    faults.let_a_job_run_out_of_time: 2,
    faults.restart_the_node: 2,
    faults.restart_the_controller: 2,
    faults.drain_the_node: 2,
    faults.kill_snakemake: 4,
    faults.interrupt_snakemake: 2,
}
# Roughly the duration of a job; reduced when the moment was missed because jobs are faster.
SECONDS_OF_A_JOB = (9.0, 3.0, 1.0)


@pytest.fixture
def part(number: int) -> Part:
    """The part of the study that the round remakes."""
    return PARTS[number % 2]


@pytest.fixture
def half_finished(slurm: OneNodeSlurm, finished: Checkout, part: Part, tmp_path: Path) -> Iterator[SlurmCheckout]:
    """A copy of the finished study that lacks a part."""
    copy = Checkout.like(finished, tmp_path / "checkout")
    take_away(part, copy)
    place = SlurmCheckout(slurm, copy)
    yield place
    place.stop()


def take_away(part: Part, copy: Checkout) -> None:
    """Remove a part from a complete copy."""
    for file in part.files:
        (copy.results / file).unlink()
    if part is ADAPTER:
        shutil.rmtree(copy.results / TUNED)


def new_random_numbers() -> tuple[int, random.Random]:
    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(10**6)))
    return seed, random.Random(seed)


def assert_never_raced(jobs: list[Job]) -> None:
    """Check that no two jobs for the same files ran at the same time."""
    began = [job for job in jobs if job.started != "N/A" and job.state != "PENDING"]
    for comment in {job.comment for job in began}:
        times = sorted((job.started, job.ended) for job in began if job.comment == comment)
        assert all(first[1] <= second[0] for first, second in pairwise(times)), (comment, times)


def disturb(
    place: SlurmCheckout,
    part: Part,
    start: Callable[..., Invocation],
    fault: Callable[[Moment], str],
    random_numbers: random.Random,
) -> tuple[Invocation, str]:
    """Start a run of the part, and inject the fault; start over if it came too late to hit anything."""
    rule = random_numbers.choice(list(part.on_slurm))
    for longest in SECONDS_OF_A_JOB:
        run = start(*part.targets)
        try:
            hit = fault(Moment(random_numbers, place, run, rule, longest))
        except TooLateError:
            assert run.wait() == 0, run.output
            take_away(part, place.checkout)
        else:
            return run, f"hit {hit} after {rule} began"
    raise AssertionError(f"every moment came too late:\n{run.output}")


def finish(part: Part, runs: list[Invocation], start: Callable[..., Invocation]) -> None:
    """Wait for the run, restart it once if it failed, and check the result."""
    if runs[0].wait() != 0:
        runs.append(start(*part.targets))
    assert runs[-1].wait() == 0, "\n".join(run.output for run in runs)


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        pytest.param(fault, number, id=f"{fault.__name__}-{number}")
        for number in range(max(ROUNDS.values()))
        for fault, count in ROUNDS.items()
        if number < count
    ],
)
def test_a_disturbed_run_ends_with_the_same_bytes(
    half_finished: SlurmCheckout, finished: Checkout, part: Part, fault: Callable[[Moment], str], number: int
) -> None:
    seed, random_numbers = new_random_numbers()
    began = time.monotonic()
    half_finished.look_every_second()
    # `make slurm` and plain Snakemake, each with both parts.
    start = half_finished.start_by_make if number in (1, 2) else half_finished.start
    print(f"{fault.__name__}: seed {seed}", end="; ")
    run, hit = disturb(half_finished, part, start, fault, random_numbers)
    runs = [run]
    if fault is faults.kill_snakemake and start == half_finished.start:
        half_finished.unlock()
    finish(part, runs, start)

    ids = {run.run_id for run in runs}
    jobs = [job for job in half_finished.slurm.jobs() if job.name in ids]
    states = dict(Counter(job.state for job in jobs))
    seconds = time.monotonic() - began
    print(f"{hit}; {len(runs)} starts, {seconds:.0f} s, jobs {states}")
    assert half_finished.differences(finished) == []
    assert_never_raced(jobs)
    recorded = sum((run.finished_jobs for run in runs), Counter[str]())
    if fault in (faults.kill_snakemake, faults.interrupt_snakemake):
        # A job that finished unobserved is neither recorded nor repeated.
        assert recorded <= part.jobs, recorded
    else:
        assert recorded == part.jobs, recorded
    # Retries recover from everything else, but are soon exhausted while the controller refuses submissions.
    may_need_another = (faults.kill_snakemake, faults.interrupt_snakemake, faults.restart_the_controller)
    assert len(runs) == 1 or fault in may_need_another
    assert list((half_finished.checkout.folder / ".snakemake" / "slurm_runs").iterdir()) == []


@pytest.mark.parametrize("number", range(2))
def test_a_job_that_ran_out_of_memory_gets_more(
    half_finished: SlurmCheckout, finished: Checkout, part: Part, number: int
) -> None:
    seed, random_numbers = new_random_numbers()
    began = time.monotonic()
    half_finished.look_every_second()
    rule = random_numbers.choice(list(part.on_slurm))
    # The second attempt has at least what the profile requests: torch for CUDA alone takes a gigabyte.
    megabytes = random_numbers.randint(80, 160)
    print(f"out of memory: seed {seed}, {rule} with {megabytes} MB", end="; ")
    limit = f"{rule}:mem_mb={megabytes} * 25 ** (attempt - 1)"
    runs = [half_finished.start("--set-resources", limit, *part.targets)]
    finish(part, runs, half_finished.start)

    jobs = [job for job in half_finished.slurm.jobs() if job.name == runs[0].run_id and job.rule == rule]
    print(f"{len(runs)} starts, {time.monotonic() - began:.0f} s, {[job.state for job in jobs]}")
    assert [job.state for job in jobs] == ["FAILED", "COMPLETED"]
    assert "exceeded memory limit" in log_of(half_finished, jobs[0])
    assert len(runs) == 1 and runs[0].finished_jobs == part.jobs
    assert half_finished.differences(finished) == []


def log_of(place: SlurmCheckout, job: Job) -> str:
    """Return Slurm's log of a job; logs of failed jobs are kept."""
    (log,) = (place.checkout.folder / ".snakemake" / "slurm_logs").rglob(f"{job.number}.log")
    return log.read_text(encoding="utf-8", errors="replace")
