"""A run does not start while another is alive, and removes only the lock of a dead run."""

from __future__ import annotations

import atexit
import errno
import fcntl
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

import one_run
from one_run import AnotherRunError, Record
from runs import RUN_VARIABLE, Run, this_run

HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
import one_run
{call}
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    yield
    if one_run._handle is not None:
        one_run._handle.close()
        one_run._handle = None


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks of the operating system."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)


@pytest.fixture
def living(repository: Path) -> Iterator[psutil.Popen]:
    yield from process_that("one_run.begin()", repository)


@pytest.fixture
def living_unrecorded(repository: Path) -> Iterator[psutil.Popen]:
    """A run that is starting."""
    yield from process_that("one_run.STATE.mkdir(exist_ok=True); one_run._take_lock()", repository)


def process_that(call: str, repository: Path) -> Iterator[psutil.Popen]:
    command = [sys.executable, "-c", HOLD.format(call=call), str(repository / "workflow_scripts")]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def put_on_record(record: Record) -> None:
    one_run.STATE.mkdir(exist_ok=True)
    one_run._write(record)


def lock(*names: str) -> None:
    """Take Snakemake's lock like Snakemake."""
    one_run.SNAKEMAKE_LOCKS.mkdir(parents=True, exist_ok=True)
    for name in names or ("0.input.lock", "0.output.lock"):
        (one_run.SNAKEMAKE_LOCKS / name).write_text("results/a\n", encoding="utf-8")


def locks() -> list[str]:
    return sorted(path.name for path in one_run.SNAKEMAKE_LOCKS.glob("*"))


def locked_by(run: Run) -> Record:
    lock()
    record = Record(run, tuple(one_run._lock_files()))
    put_on_record(record)
    return record


def test_a_run_is_on_record_with_its_lock() -> None:
    assert one_run.recorded() is None
    one_run.begin()
    begun = one_run.recorded()
    assert begun is not None and begun.run.name == os.environ[RUN_VARIABLE] == this_run().name and begun.locks is None
    lock()
    one_run.confirm()
    confirmed = one_run.recorded()
    assert confirmed is not None and confirmed.run == begun.run and confirmed.locks is not None
    assert [file.name for file in confirmed.locks] == ["0.input.lock", "0.output.lock"]


def test_plain_snakemake_is_on_record_once_it_has_its_lock() -> None:
    lock()
    one_run.confirm()
    record = one_run.recorded()
    assert record is not None and record.run.name == this_run().name and record.locks


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": "a"}', '{"run": {"host": "a"}}', "7"])
def test_a_record_that_cannot_be_read_counts_as_none(text: str) -> None:
    one_run.STATE.mkdir()
    one_run.RECORD.write_text(text, encoding="utf-8")
    assert one_run.recorded() is None


def test_the_lock_of_a_dead_run_is_taken_away(dead_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    locked_by(dead_run)
    one_run.begin()
    assert locks() == []
    assert f"process {dead_run.process}, which held the lock, is dead" in capsys.readouterr().err


@pytest.mark.parametrize("first_known", [True, False], ids=["after one of its own", "before it had one"])
def test_a_lock_that_the_dead_run_did_not_take_is_left_alone(
    dead_run: Run, capsys: pytest.CaptureFixture[str], first_known: bool
) -> None:
    """Someone's plain Snakemake has taken the folder since; its files have the same names."""
    if first_known:
        locked_by(dead_run)
        for name in locks():
            (one_run.SNAKEMAKE_LOCKS / name).unlink()
    else:
        put_on_record(Record(dead_run))
    lock()
    one_run.begin()
    assert locks() == ["0.input.lock", "0.output.lock"]
    assert "unlocking" not in capsys.readouterr().err


def test_of_two_locks_only_that_of_the_dead_run_is_taken_away(dead_run: Run) -> None:
    locked_by(dead_run)
    lock("1.input.lock", "1.output.lock")
    one_run.begin()
    assert locks() == ["1.input.lock", "1.output.lock"]


def test_a_lock_without_a_record_is_left_alone() -> None:
    lock()
    one_run.begin()
    assert locks() == ["0.input.lock", "0.output.lock"]


def test_beside_a_living_run_a_new_one_refuses(living: psutil.Popen) -> None:
    lock()
    for start in (one_run.begin, one_run.confirm):
        with pytest.raises(AnotherRunError, match=f"another run is under way in this folder: process {living.pid}\\."):
            start()
    record = one_run.recorded()
    assert record is not None and record.run.process == living.pid
    assert locks() == ["0.input.lock", "0.output.lock"]


def test_of_several_that_begin_at_once_one_does(repository: Path, dead_run: Run) -> None:
    locked_by(dead_run)
    program = HOLD.format(call="sys.stdin.readline(); one_run.begin()")
    command = [sys.executable, "-c", program, str(repository / "workflow_scripts")]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True))
            for _ in range(3)
        ]
        for process in started:
            stack.callback(process.kill)
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        deadline = time.monotonic() + 10.0
        while len(refused := [process for process in started if process.poll() is not None]) < 2:
            assert time.monotonic() < deadline, "several have begun"
            time.sleep(0.01)
        (begun,) = [process for process in started if process not in refused]
        assert begun.stdout is not None and begun.stdout.readline() == "ready\n"
        assert all(process.stderr is not None and "AnotherRunError" in process.stderr.read() for process in refused)
        record = one_run.recorded()
        assert record is not None and record.run.process == begun.pid


def test_a_run_that_is_killed_gives_its_place_free(living: psutil.Popen) -> None:
    living.kill()
    living.wait()
    one_run.begin()
    record = one_run.recorded()
    assert record is not None and record.run.name == this_run().name


def test_a_run_that_is_just_starting_counts_before_it_is_on_record(
    living_unrecorded: psutil.Popen, dead_run: Run
) -> None:
    record = locked_by(dead_run)
    with pytest.raises(AnotherRunError, match=r"another run is under way .*, or just starting"):
        one_run.begin()
    assert one_run.recorded() == record and locks() == ["0.input.lock", "0.output.lock"]


def test_a_run_lives_on_whatever_is_on_record(living: psutil.Popen, dead_run: Run) -> None:
    """For example, if a clock was set and the system only provides the start time of a process."""
    record = one_run.recorded()
    assert record is not None
    put_on_record(Record(replace(record.run, began=record.run.began - 3600, boot="", ticks=None)))
    with pytest.raises(AnotherRunError, match="another run is under way"):
        one_run.begin()
    assert living.poll() is None


def test_its_jobs_hold_no_place_for_a_run() -> None:
    """Otherwise a forked job would keep it after the run was killed."""
    context = multiprocessing.get_context("fork")
    one_run.begin()
    with context.Pool(1) as pool:
        assert pool.apply(one_run._take_lock) == "busy"


@pytest.mark.usefixtures("no_locks")
def test_without_locks_of_the_system_the_record_tells(living: psutil.Popen) -> None:
    with pytest.raises(AnotherRunError, match=f"process {living.pid}"):
        one_run.begin()
    living.kill()
    living.wait()
    one_run.begin()


@pytest.mark.parametrize("has_begun", [True, False], ids=["with its lock", "that is planning"])
def test_the_lock_of_another_host_is_not_touched(dead_run: Run, has_begun: bool) -> None:
    record = locked_by(replace(dead_run, host="elsewhere"))
    put_on_record(record if has_begun else replace(record, locks=None))
    with pytest.raises(
        AnotherRunError, match=r"locked by a run on elsewhere \(process \d+\), which is not visible from here"
    ):
        one_run.begin()
    assert locks() == ["0.input.lock", "0.output.lock"]


def test_a_run_that_ended_on_another_host_does_not_matter(dead_run: Run) -> None:
    locked_by(replace(dead_run, host="elsewhere"))
    for name in locks():
        (one_run.SNAKEMAKE_LOCKS / name).unlink()
    lock()
    one_run.begin()
    assert locks() == ["0.input.lock", "0.output.lock"]


def test_of_two_hosts_that_begin_at_once_one_goes_on(dead_run: Run) -> None:
    """If their disk has no locks across hosts, the one that was recorded last."""
    one_run.begin()
    put_on_record(Record(replace(dead_run, host="elsewhere")))
    lock()
    with pytest.raises(AnotherRunError, match="elsewhere"):
        one_run.confirm()


def test_a_dead_run_of_another_container_has_lost_its_place(dead_run: Run) -> None:
    """Its process is not visible, but the system's lock ended with it; without such a lock, its state is unknown."""
    locked_by(replace(dead_run, namespace="pid:[1]"))
    one_run.begin()
    assert locks() == []


@pytest.mark.usefixtures("no_locks")
def test_a_run_of_another_container_may_live_where_there_are_no_locks(dead_run: Run) -> None:
    locked_by(replace(dead_run, namespace="pid:[1]"))
    with pytest.raises(AnotherRunError, match="is not visible from here"):
        one_run.begin()


def test_a_run_that_did_nothing_is_forgotten() -> None:
    one_run.begin()
    one_run._forget_what_did_nothing(one_run.RECORD)
    assert one_run.recorded() is None
    one_run.begin()
    lock()
    one_run.confirm()
    one_run._forget_what_did_nothing(one_run.RECORD)
    assert one_run.recorded() is not None
