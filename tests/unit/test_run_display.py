"""What a terminal shows of a run."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import pty
import struct
import termios
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import run_display
import snakemake_logger_plugin_ilora as plugin
from run_display import Display, job_name, terminal_size
from time_left import PlannedJob


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def display(clock: Clock) -> Display:
    shown = Display(io.StringIO(), lambda: (80, 10), clock)
    shown.begin(
        "smoke", "results/smoke", {number: PlannedJob("fine_tune", 1, 60, 100.0) for number in range(4)}, slots=1
    )
    return shown


def written(display: Display) -> str:
    stream = display._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_line_for_the_run_and_one_for_each_job(display: Display, clock: Clock, tmp_path: Path) -> None:
    display.started(0, "first", {}, None)
    clock.now = 90.0
    display.finished(0)
    log = tmp_path / "job.log"
    display.started(1, "fine_tune", {"dataset": "movielens", "method": "ilora", "seed": "1"}, str(log))
    log.write_text("2026-01-01 10:00:00 INFO fine-tuning 30/120 loss=1.5 rate=2/s elapsed=0:00:15 left=0:00:45\n")
    clock.now = 105.0
    head, job = display.lines()
    assert head == "smoke [#####---------------] 1 of 4 jobs, 1:45, about 4:05 left"
    assert job == "  fine_tune: movielens, ilora, seed 1  0:15, 0:45 left  fine-tuning 30 of 120 ("  # cut at the edge
    display.close()


def test_what_a_log_of_an_earlier_run_says_is_not_shown(display: Display, tmp_path: Path) -> None:
    import os

    log = tmp_path / "job.log"
    log.write_text("2026-01-01 10:00:00 INFO an earlier run\n")
    os.utime(log, (0, 0))
    display.started(1, "job", {}, str(log))
    assert display.lines()[1] == "  job  0:00"
    display.close()


def test_more_jobs_than_lines_are_counted(display: Display) -> None:
    for number in range(12):
        display.started(number, f"job {number}", {}, None)
    assert len(display.lines()) == 9 and display.lines()[-1] == "  and 5 more"
    display.close()


def test_a_failure_stays_with_the_end_of_its_log(display: Display, tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    display.started(1, "fine_tune", {}, str(log))
    log.write_text("\n".join([*map(str, range(20)), "ValueError: found 3, expected 4"]))
    display.failed(1, "fine_tune")
    display.close()
    text = written(display)
    assert "FAILED: fine_tune\n    13\n" in text
    assert f"    ValueError: found 3, expected 4\n    Log: {log}\n" in text
    head, kept = text.splitlines()[-1].split(". ")
    assert head.endswith("smoke: 0 of 4 jobs done, 1 failed after 0:00")
    assert kept == "Finished jobs are kept: the same command continues from here."


def test_a_finished_run_ends_with_one_line(display: Display, clock: Clock) -> None:
    for number in range(4):
        display.started(number, str(number), {}, None)
        display.finished(number)
    clock.now = 3725.0
    display.close()
    display.close()
    assert written(display).endswith("smoke: 4 jobs done in 1:02:05. Results: results/smoke\n")
    assert written(display).count("jobs done in") == 1


def test_a_job_is_named_by_what_tells_it_apart() -> None:
    wildcards = {"dataset": "movielens", "protocol": "random_users", "variant": "default", "seed": "2"}
    assert job_name("train_recommender", wildcards, ("random_users",)) == "train_recommender: movielens, seed 2"
    path = {"run": "llm/movielens/random_users/embedded/ilora/default/seed~1"}
    assert job_name("compute_metrics", path, ("random_users", "embedded")) == (
        "compute_metrics: llm, movielens, ilora, seed 1"
    )
    assert job_name("make_table1", {}) == "make_table1"


def record(message: str, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.__dict__.update(fields)
    return made


def test_the_plugin_shows_jobs_and_what_a_reader_needs(monkeypatch: pytest.MonkeyPatch, display: Display) -> None:
    monkeypatch.setattr(run_display, "open_display", lambda stream: display)
    handler = plugin.LogHandler(None, None)  # type: ignore[arg-type]
    job: dict[str, Any] = {"rule_name": "fine_tune", "wildcards": {"method": "ilora"}, "log": [], "jobid": 3}
    handler.emit(record("", event=LogEvent.JOB_INFO, **job))
    assert display.lines()[1].startswith("  fine_tune: ilora")
    handler.emit(record("Select jobs to execute..."))
    handler.emit(record("Nothing to be done (all requested files are present and up to date)."))
    handler.emit(record("a warning", logging.WARNING))
    handler.emit(record("RuleException:\nCalledProcessError in file", logging.ERROR, event=LogEvent.ERROR))
    handler.emit(record("", event=LogEvent.JOB_FINISHED, job_id=3))
    assert len(display.lines()) == 1
    handler.close()
    text = written(display)
    assert (
        "Nothing to be done" in text
        and "a warning" in text
        and "Select jobs" not in text
        and "CalledProcessError" not in text
    )


def test_the_size_is_that_of_the_terminal_drawn_on(tmp_path: Path) -> None:
    """Standard output goes to a file while the display is on, and says nothing about the terminal."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 110, 0, 0))
        assert terminal_size(terminal) == (110, 44)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        assert terminal_size(terminal) == (80, 24)
    os.close(master)
    with (tmp_path / "file").open("w") as no_terminal:
        assert terminal_size(no_terminal) == (80, 24)
