"""Which failed jobs Snakemake retries, by the last line of their logs."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.jobs import Job
from snakemake.scheduling.job_scheduler import JobScheduler

import attempts
from ilora.artifacts.errors import ArtifactError
from ilora.endings import Ending, Interrupted, ending_of, read_ending


@pytest.fixture
def restored_jobs() -> Iterator[None]:
    own = Job.__dict__["restart_times"]
    yield
    Job.restart_times = own


def failing_job(log: Path) -> Job:
    """Return a Snakemake job with three retries, with the attributes that its failure handling needs."""
    job: Any = object.__new__(Job)
    job.rule, job._log, job._attempt = SimpleNamespace(restart_times=3), [str(log)], 1
    job._params_and_resources_resetted = True
    return job


def times_tried(job: Job, log: Path, last_line: str | None) -> int:
    """Write a log for each attempt of a job, and let Snakemake's scheduler decide on retries until it gives up."""
    ready: set[Job] = set()
    scheduler = SimpleNamespace(
        get_executor=lambda job: SimpleNamespace(handle_job_error=lambda job: None),
        running={job},
        _free_resources=lambda job: None,
        workflow=SimpleNamespace(dag=SimpleNamespace(jobid=lambda job: 1, _ready_jobs=ready)),
        failed=set(),
    )
    while not scheduler.failed:
        scheduler.running.add(job)
        if last_line is not None:
            log.write_text(f"12:00 INFO working\n12:00 {last_line}\n", encoding="utf-8")
        JobScheduler._handle_error(scheduler, job, postprocess_job=False)
    return int(job.attempt)


@pytest.mark.parametrize(
    ("last_line", "tried"),
    [
        (f"CRITICAL {Ending.REPEATS}", 1),
        (f"CRITICAL {Ending.FAILED}", 2),
        (f"CRITICAL {Ending.STOPPED}", 4),
        ("INFO and here it was killed", 4),
        (None, 4),  # it never started, and the log is from another run
    ],
)
@pytest.mark.usefixtures("restored_jobs")
def test_what_was_stopped_is_tried_again_and_what_fails_alike_is_not(
    tmp_path: Path, last_line: str | None, tried: int
) -> None:
    log = tmp_path / "rule.log"
    log.write_text(f"11:00 CRITICAL {Ending.REPEATS}\n", encoding="utf-8")
    os.utime(log, (0, 0))
    job = failing_job(log)
    settings, dag = SimpleNamespace(retries=1), SimpleNamespace(needrun_jobs=lambda: [job])
    attempts.tell_stops_from_failures(SimpleNamespace(execution_settings=settings, dag=dag))
    assert times_tried(job, log, last_line) == tried


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (Interrupted("told to stop"), Ending.STOPPED),
        (KeyboardInterrupt(), Ending.STOPPED),
        (FloatingPointError("NaN"), Ending.REPEATS),
        (ValueError("a wrong value"), Ending.REPEATS),
        (OSError("a disk that is full"), Ending.FAILED),
        (MemoryError(), Ending.FAILED),
        (ArtifactError("a file that another node has not seen yet"), Ending.FAILED),
    ],
)
def test_what_an_error_says_of_another_attempt(error: BaseException, ending: Ending) -> None:
    assert ending_of(error) is ending


@pytest.mark.parametrize(
    "text", [None, "", "12:00 INFO going on", f"12:00 CRITICAL {Ending.REPEATS}\n12:01 INFO again"]
)
def test_a_log_without_a_last_word_is_of_a_stop(tmp_path: Path, text: str | None) -> None:
    log = tmp_path / "rule.log"
    if text is not None:
        log.write_text(text, encoding="utf-8")
    assert read_ending(log) is Ending.STOPPED
