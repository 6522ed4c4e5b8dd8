"""A run is distinguished from all others, and from another process with its id, regardless of the clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import runs
from runs import Run, this_run

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells when it was started")


@pytest.fixture
def orphan(dead_run: Run) -> Iterator[psutil.Popen]:
    process = psutil.Popen(
        SLEEP, env={**os.environ, runs.RUN_VARIABLE: dead_run.name}, stdout=subprocess.PIPE, text=True
    )
    # A starting process has no visible environment yet.
    assert process.stdout.readline() == "ready\n"
    yield process
    if process.is_running():
        process.kill()
        process.wait()
    # If the tested run waited for it, this object still has to notice that it ended.
    process.poll()
    process.stdout.close()


def of_a_system_that_tells_no_start(run: Run) -> Run:
    return replace(run, boot="", ticks=None, namespace="")


def test_this_process_is_alive() -> None:
    assert this_run().state == "alive"
    assert of_a_system_that_tells_no_start(this_run()).state == "alive"


def test_a_process_that_ended_is_dead(dead_run: Run) -> None:
    assert dead_run.state == "dead"
    assert of_a_system_that_tells_no_start(dead_run).state == "dead"


def test_a_process_that_ended_and_is_not_yet_waited_for_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        run = replace(this_run(), process=process.pid, ticks=runs._ticks(process.pid))
        assert process.stdout is not None
        process.stdout.read()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert run.state == "dead"


@linux_only
@pytest.mark.parametrize("seconds", [-86400.0, 6.0, 3600.0])
def test_a_clock_that_is_set_kills_no_run(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The start time of a process is then different for all observers."""
    before = this_run()
    honest = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: honest(process) + seconds)
    assert before.state == "alive"
    assert this_run().name == before.name


@linux_only
def test_another_process_with_the_same_number_does_not_count() -> None:
    run = this_run()
    assert run.ticks is not None
    assert replace(run, ticks=run.ticks - 1).state == "dead"
    assert replace(of_a_system_that_tells_no_start(run), began=run.began - 100).state == "dead"


@linux_only
def test_after_the_machine_was_started_again_nothing_lives() -> None:
    assert replace(this_run(), boot="another").state == "dead"


@linux_only
def test_what_cannot_be_seen_from_here_is_not_called_dead(dead_run: Run) -> None:
    assert replace(dead_run, host="elsewhere").state == "unseen"
    assert replace(dead_run, namespace="pid:[1]").state == "unseen"


@linux_only
def test_a_command_with_brackets_and_spaces_in_its_name_is_read(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "10"]) as process:
        ticks = runs._ticks(process.pid)
        process.kill()
    own = this_run().ticks
    assert ticks is not None and own is not None and own <= ticks


def test_jobs_that_outlived_a_dead_run_are_stopped(dead_run: Run, orphan: psutil.Popen) -> None:
    assert runs.stop_orphans(dead_run) == 1
    assert not orphan.is_running()


def test_jobs_of_other_runs_are_left_alone(dead_run: Run, orphan: psutil.Popen) -> None:
    assert runs.stop_orphans(replace(dead_run, process=dead_run.process + 1)) == 0
    assert orphan.is_running()
