"""Jobs of a dead run in Slurm's queue are cancelled, and no others."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import snakemake_executor_plugin_slurm as plugin
from snakemake.exceptions import WorkflowError
from snakemake.iocontainers import ResourceList
from snakemake_executor_plugin_slurm import ExecutorSettings
from snakemake_executor_plugin_slurm.job_status_query import get_min_job_age

import slurm_jobs
from runs import Run, this_run
from slurm_jobs import SlurmJobsError

# The queue is a folder with a file for each job, in a folder for each run. A job named deaf cannot be cancelled.
QUEUE = """#!/bin/sh
for argument; do case "$argument" in --name=*) run="queue/${argument#--name=}";; esac; done
case "$(basename "$0")" in
    squeue) test -e broken && { echo "no controller" >&2; exit 1; }; ls "$run" 2>/dev/null; exit 0;;
    scancel) find "$run" ! -name deaf -type f -delete;;
esac
"""


@pytest.fixture(autouse=True)
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stubs of two commands that use the working directory as the queue."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("squeue", "scancel"):
        (commands / name).write_text(QUEUE, encoding="utf-8")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slurm_jobs, "SECONDS_BETWEEN_LOOKS", 0.01)
    return tmp_path


@pytest.fixture
def submit(slurm: Path) -> Callable[..., None]:
    def submit(run_id: str, *jobs: str) -> None:
        (slurm / "queue" / run_id).mkdir(parents=True)
        for job in jobs:
            (slurm / "queue" / run_id / job).touch()

    return submit


@pytest.fixture
def dead_run() -> Run:
    process = psutil.Popen(["true"])
    run = replace(this_run(), process=process.pid)
    process.wait()
    return run


def record(run_id: str, run: Run) -> Path:
    slurm_jobs.RECORDS.mkdir(parents=True, exist_ok=True)
    path = slurm_jobs.RECORDS / f"{run_id}.json"
    path.write_text(json.dumps(asdict(run)), encoding="utf-8")
    return path


def test_a_run_is_on_record_until_it_ends() -> None:
    slurm_jobs.begin_run("new")
    assert list(slurm_jobs.recorded_runs()) == [("new", this_run())]
    slurm_jobs.forget_run("new")
    assert list(slurm_jobs.recorded_runs()) == []


def test_a_local_run_leaves_no_record() -> None:
    slurm_jobs.begin_run(None)
    slurm_jobs.cancel_run(None)
    assert not slurm_jobs.RECORDS.exists()


def test_jobs_of_a_dead_run_are_cancelled(
    submit: Callable[..., None], dead_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    submit("dead", "1", "2")
    record("dead", dead_run)
    slurm_jobs.cancel_dead_runs()
    assert slurm_jobs.jobs_of("dead") == []
    assert list(slurm_jobs.recorded_runs()) == []
    assert "cancelled 2 jobs that a killed run left in Slurm's queue" in capsys.readouterr().err


def test_jobs_of_a_living_run_are_left_alone(submit: Callable[..., None]) -> None:
    submit("alive", "1")
    record("alive", this_run())
    slurm_jobs.cancel_dead_runs()
    slurm_jobs.begin_run("new")
    assert slurm_jobs.jobs_of("alive") == ["1"]
    assert {run_id for run_id, _ in slurm_jobs.recorded_runs()} == {"alive", "new"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells when it was started")
def test_a_clock_that_is_set_cancels_no_jobs(submit: Callable[..., None]) -> None:
    submit("alive", "1")
    record("alive", replace(this_run(), began=this_run().began - 3600))
    slurm_jobs.cancel_dead_runs()
    assert slurm_jobs.jobs_of("alive") == ["1"]


def test_jobs_of_an_unseen_run_stop_the_new_one(submit: Callable[..., None], dead_run: Run) -> None:
    submit("far", "1")
    path = record("far", replace(dead_run, host="elsewhere"))
    slurm_jobs.cancel_dead_runs()
    with pytest.raises(SlurmJobsError, match="1 jobs of run far are in Slurm's queue.* scancel --name=far"):
        slurm_jobs.begin_run("new")
    assert slurm_jobs.jobs_of("far") == ["1"] and path.exists()


def test_an_unseen_run_without_jobs_does_not_matter(dead_run: Run) -> None:
    record("far", replace(dead_run, host="elsewhere"))
    slurm_jobs.begin_run("new")


def test_an_interrupted_run_cancels_what_it_submitted_meanwhile(submit: Callable[..., None]) -> None:
    slurm_jobs.begin_run("new")
    submit("new", "7")
    slurm_jobs.cancel_run("new")
    assert slurm_jobs.jobs_of("new") == []
    assert list(slurm_jobs.recorded_runs()) == []


def test_jobs_that_do_not_leave_stop_the_new_run(
    submit: Callable[..., None], dead_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_jobs, "SECONDS_TO_LEAVE", 0.05)
    submit("dead", "deaf")
    path = record("dead", dead_run)
    with pytest.raises(SlurmJobsError, match="cancelled, but still in Slurm's queue: deaf"):
        slurm_jobs.cancel_dead_runs()
    assert path.exists()


def test_a_controller_that_does_not_answer_stops_the_new_run(slurm: Path, dead_run: Run) -> None:
    record("dead", dead_run)
    (slurm / "broken").touch()
    with pytest.raises(SlurmJobsError, match="squeue .*: no controller. A run may have jobs"):
        slurm_jobs.cancel_dead_runs()


def test_a_machine_without_slurm_is_told(dead_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    record("dead", dead_run)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SlurmJobsError, match="command not found"):
        slurm_jobs.cancel_dead_runs()


def test_half_a_record_is_deleted() -> None:
    slurm_jobs.RECORDS.mkdir(parents=True)
    (slurm_jobs.RECORDS / "half.json").write_text('{"host": ', encoding="utf-8")
    slurm_jobs.begin_run("new")
    assert [run_id for run_id, _ in slurm_jobs.recorded_runs()] == ["new"]


class Executor:
    """A stub of Slurm's executor that refuses one account."""

    def __init__(self, status_command: str) -> None:
        self._status_command = status_command
        self.workflow = SimpleNamespace(executor_settings=ExecutorSettings())
        self.asked: list[str] = []

    def get_status_command(self) -> str:
        return self._status_command

    def get_account_arg(self, job: slurm_jobs.Job) -> Iterator[str]:
        self.asked.append(job.rule.name)
        if job.rule.name == "refused":
            raise WorkflowError("The given account appears to be invalid")
        yield " -A account"

    def get_partition_arg(self, job: slurm_jobs.Job) -> str:
        return " -p partition"


def job_of(rule: str, **resources: object) -> slurm_jobs.Job:
    """Return a Snakemake job with the resources of its first attempt."""
    usual = {"_cores": 1, "mem_mb": 2000, "runtime": 10}
    return SimpleNamespace(
        rule=SimpleNamespace(name=rule), resources=ResourceList(fromdict={**usual, **resources}), threads=1
    )


def jobs_of_rules(*names: str) -> list[slurm_jobs.Job]:
    return [job_of(name) for name in names]


@pytest.fixture
def remembering_slurm(monkeypatch: pytest.MonkeyPatch) -> Executor:
    # Set here only so that it is restored when the test ends.
    monkeypatch.setattr(plugin, "get_min_job_age", get_min_job_age)
    monkeypatch.setattr(slurm_jobs, "get_min_job_age", lambda: 300)
    return Executor("squeue")


def test_the_plugin_goes_on_asking_squeue_while_the_controller_is_away(remembering_slurm: Executor) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        assert plugin.get_min_job_age() is None
        slurm_jobs.check_slurm(remembering_slurm, [])
        assert plugin.get_min_job_age() == 300


def test_accounts_are_checked_where_an_error_is_seen(remembering_slurm: Executor) -> None:
    slurm_jobs.check_slurm(remembering_slurm, jobs_of_rules("fine_tune", "fine_tune", "train_recommender"))
    assert remembering_slurm.asked == ["fine_tune", "train_recommender"]
    with pytest.raises(SlurmJobsError, match="rule refused .*account appears to be invalid"):
        slurm_jobs.check_slurm(remembering_slurm, jobs_of_rules("refused"))


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"gpu_model": "a100-sxm4-80gb"}, "gpu_model='a100-sxm4-80gb': Invalid GPU model format"),
        ({"gpu_model": 100}, "gpu_model=100: "),
        ({"gres": "gpu:a100-sxm4-80gb:1"}, "gres='gpu:a100-sxm4-80gb:1': Invalid GRES format"),
        ({"gres": 1}, "gres=1: "),
        ({"slurm_extra": "--qos=high"}, "slurm_extra='--qos=high': The --quality-of-service option is not allowed"),
        ({"slurm_extra": "--exclusive --partition=gpu"}, "The --partition option is not allowed"),
        ({"tasks_per_gpu": "one", "gpu": 1}, "tasks_per_gpu='one'"),
        ({"cpus_per_task": "four"}, "cpus_per_task must be an integer"),
        ({"mpi": "srun"}, "specify either 'tasks_per_node' or 'tasks'"),
    ],
)
def test_what_the_plugin_would_refuse_is_refused_before_the_first_submission(
    remembering_slurm: Executor, resources: dict[str, object], message: str
) -> None:
    with pytest.raises(SlurmJobsError, match="nothing was submitted") as refused:
        slurm_jobs.check_slurm(remembering_slurm, [job_of("train_recommender"), job_of("fine_tune", **resources)])
    assert message in str(refused.value)
    assert "rule fine_tune requests " in str(refused.value)
    assert "train_recommender" not in str(refused.value)


def test_every_rule_that_is_refused_is_named_once(remembering_slurm: Executor) -> None:
    jobs = [job_of(rule, gpu_model=f"h-{number}") for rule in ("fine_tune", "answer") for number in range(3)]
    with pytest.raises(SlurmJobsError) as refused:
        slurm_jobs.check_slurm(remembering_slurm, jobs)
    assert str(refused.value).count("rule fine_tune requests gpu_model='h-0'") == 1
    assert str(refused.value).count("rule answer requests gpu_model='h-0'") == 1
    assert "h-1" not in str(refused.value)


def test_a_job_is_looked_at_though_others_of_its_rule_are_right(remembering_slurm: Executor) -> None:
    with pytest.raises(SlurmJobsError, match="gpu_model='a-b'"):
        slurm_jobs.check_slurm(remembering_slurm, [job_of("fine_tune"), job_of("fine_tune", gpu_model="a-b")])


@pytest.mark.parametrize(
    "resources",
    [
        {"gpu": 1, "gpu_model": "a100_80gb"},
        {"gpu": 1, "constraint": "a100-sxm4-80gb"},
        {"gpu": 0, "gres": "gpu:a100:1", "constraint": "a100-sxm4-80gb"},
        {"gpu": 0, "slurm_extra": "--gpus-per-node=a100-sxm4-80gb:1"},
        {"qos": "high", "slurm_extra": "--tmp=5G --signal=TERM@300"},
        {"gres": "gpu:2", "tasks_per_gpu": 0, "nodes": 2, "tasks": 4, "mpi": "srun"},
    ],
)
def test_what_the_documentation_offers_is_not_refused(
    remembering_slurm: Executor, resources: dict[str, object]
) -> None:
    slurm_jobs.check_slurm(remembering_slurm, [job_of("fine_tune", **resources)])


def test_an_account_that_names_none_is_refused(remembering_slurm: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Executor, "get_account_arg", lambda self, job: iter(()))
    with pytest.raises(SlurmJobsError, match="slurm_account=',': slurm_account is empty"):
        slurm_jobs.check_slurm(remembering_slurm, [job_of("fine_tune", slurm_account=",")])


def test_a_slurm_that_forgets_jobs_too_soon_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_jobs, "get_min_job_age", lambda: 60)
    slurm_jobs.check_slurm(Executor("sacct"), [])
    with pytest.raises(SlurmJobsError, match="forgets a finished job after 60 seconds .*slurm-status-command: sacct"):
        slurm_jobs.check_slurm(Executor("squeue"), [])
