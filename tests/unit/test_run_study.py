"""A new run starts beside no living one, and clears what a dead one left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import run_study
from run_study import Run

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was started instead of Snakemake: each command's arguments after `-m snakemake`."""
    commands: list[list[str]] = []

    def start(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command[3:])
        return subprocess.CompletedProcess(command, returncode=2 if "wrong.yaml" in command else 0)

    monkeypatch.setattr(os, "execv", lambda _, command: start(command))
    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return commands


@pytest.fixture
def dead_run() -> Run:
    process = psutil.Popen([sys.executable, "-c", ""])
    run = replace(run_study.this_run(), process=process.pid, began=process.create_time())
    process.wait()
    return run


@pytest.fixture
def orphan(dead_run: Run) -> Iterator[psutil.Popen]:
    process = psutil.Popen(
        SLEEP, env={**os.environ, run_study.RUN_VARIABLE: dead_run.name}, stdout=subprocess.PIPE, text=True
    )
    # A process that is only being started shows no environment yet.
    assert process.stdout.readline() == "ready\n"
    yield process
    if process.is_running():
        process.kill()
        process.wait()
    # Where the run that is tested waited for it, this still has to hear that it ended.
    process.poll()
    process.stdout.close()


def lock() -> None:
    run_study.LOCKS.mkdir(parents=True)
    (run_study.LOCKS / "0.output.lock").write_text("results/a\n", encoding="utf-8")


def test_this_process_is_alive() -> None:
    assert run_study.this_run().is_alive


def test_a_process_that_ended_is_dead(dead_run: Run) -> None:
    assert not dead_run.is_alive


def test_another_process_with_the_same_number_does_not_count() -> None:
    run = run_study.this_run()
    assert not replace(run, began=run.began - 100).is_alive


def test_a_clock_that_was_set_kills_no_run() -> None:
    run = run_study.this_run()
    assert replace(run, began=run.began + 1).is_alive


def test_a_record_is_read_back() -> None:
    assert run_study.recorded_run() is None
    run_study.record(run_study.this_run())
    assert run_study.recorded_run() == run_study.this_run()
    assert [path.name for path in run_study.STATE.iterdir()] == [run_study.RECORD.name]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": "a"}'])
def test_a_record_that_cannot_be_read_counts_as_none(text: str) -> None:
    run_study.STATE.mkdir()
    run_study.RECORD.write_text(text, encoding="utf-8")
    assert run_study.recorded_run() is None


def test_the_first_run_starts_and_is_on_record(starts: list[list[str]]) -> None:
    run_study.main(["--cores", "2"])
    assert starts == [["--cores", "2"]]
    assert run_study.recorded_run() == run_study.this_run()
    assert os.environ[run_study.RUN_VARIABLE] == run_study.this_run().name


def test_beside_a_living_run_a_new_one_refuses(starts: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    run_study.record(run_study.this_run())
    assert run_study.main(["--cores", "2"]) == 1
    assert starts == []
    assert f"another run is under way in this folder: process {os.getpid()}" in capsys.readouterr().err


def test_after_a_dead_run_the_folder_is_unlocked(starts: list[list[str]], dead_run: Run) -> None:
    run_study.record(dead_run)
    lock()
    run_study.main(["--cores", "2"])
    assert starts == [["--unlock", "--cores", "2"], ["--cores", "2"]]


def test_a_folder_that_cannot_be_unlocked_starts_nothing(starts: list[list[str]], dead_run: Run) -> None:
    run_study.record(dead_run)
    lock()
    assert run_study.main(["--configfile", "wrong.yaml"]) == 2
    assert starts == [["--unlock", "--configfile", "wrong.yaml"]]


def test_after_a_run_that_ended_well_nothing_is_unlocked(starts: list[list[str]], dead_run: Run) -> None:
    run_study.record(dead_run)
    run_study.main(["--cores", "2"])
    assert starts == [["--cores", "2"]]


def test_a_lock_of_unknown_origin_is_left_to_snakemake(starts: list[list[str]]) -> None:
    lock()
    run_study.main(["--cores", "2"])
    assert starts == [["--cores", "2"]]


def test_the_lock_of_another_host_is_not_touched(
    starts: list[list[str]], dead_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study.record(replace(dead_run, host="elsewhere"))
    lock()
    assert run_study.main(["--cores", "2"]) == 1
    assert starts == []
    assert "locked by a run on elsewhere" in capsys.readouterr().err


def test_a_run_that_ended_on_another_host_does_not_matter(starts: list[list[str]], dead_run: Run) -> None:
    run_study.record(replace(dead_run, host="elsewhere"))
    run_study.main(["--cores", "2"])
    assert starts == [["--cores", "2"]]


def test_jobs_that_outlived_a_dead_run_are_stopped(
    starts: list[list[str]], dead_run: Run, orphan: psutil.Popen, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study.record(dead_run)
    run_study.main(["--cores", "2"])
    assert not orphan.is_running()
    assert "stopped 1 processes that outlived a killed run" in capsys.readouterr().err


def test_jobs_of_other_runs_are_left_alone(dead_run: Run, orphan: psutil.Popen) -> None:
    assert run_study.stop_orphans(replace(dead_run, began=dead_run.began - 1)) == 0
    assert orphan.is_running()
