"""The log of a rule, and its progress."""

from __future__ import annotations

import io
import logging
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilora import progress as progress_module
from ilora.endings import Ending, read_ending
from ilora.progress import Progress, format_duration, start_log

LIBRARY = {**os.environ, "PYTHONPATH": str(Path(progress_module.__file__).parents[1])}


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = list(root.handlers), root.level, sys.excepthook
    yield
    sys.excepthook = hook
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


class Clock:
    """A clock that is advanced manually."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_log_goes_to_the_file_and_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs" / "rule.log"
    start_log(path).info("training began")
    assert "INFO training began" in path.read_text(encoding="utf-8")
    assert "INFO training began" in capsys.readouterr().err


def test_log_of_a_second_attempt_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "rule.log"
    start_log(path).info("first")
    start_log(path).info("second")
    text = path.read_text(encoding="utf-8")
    assert "second" in text and "first" not in text


def test_warnings_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "rule.log"
    start_log(path)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("an odd value", UserWarning, stacklevel=1)
    assert "an odd value" in path.read_text(encoding="utf-8")


def test_the_error_that_ends_a_script_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "rule.log"
    script = f"from ilora.progress import start_log\nstart_log({str(path)!r})\nraise ValueError('no such item')"
    process = subprocess.run([sys.executable, "-c", script], env=LIBRARY, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    for text in (path.read_text(encoding="utf-8"), process.stderr):
        assert "Traceback" in text and "ValueError: no such item" in text


def test_progress_logs_every_ten_seconds_and_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    logger = logging.getLogger("test-progress")
    caplog.set_level(logging.INFO, logger=logger.name)
    with Progress(40, "fine-tuning", logger, stream=io.StringIO(), clock=clock) as progress:
        for step in range(25):
            clock.now += 1.0
            progress.update(loss=2.0 - step / 10)
    assert [record.getMessage() for record in caplog.records] == [
        "fine-tuning 10/40 loss=1.1 rate=1/s elapsed=0:00:10 left=0:00:30",
        "fine-tuning 20/40 loss=0.1 rate=1/s elapsed=0:00:20 left=0:00:20",
        "fine-tuning 25/40 loss=-0.4 rate=1/s elapsed=0:00:25 left=0:00:15",
    ]


def test_the_last_step_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    logger = logging.getLogger("ilora")
    with (
        caplog.at_level(logging.INFO, "ilora"),
        Progress(2, "x", logger, stream=io.StringIO(), clock=clock) as progress,
    ):
        for _ in range(2):
            clock.now += 10.0
            progress.update()
    assert [message.split()[1] for message in caplog.messages] == ["1/2", "2/2"]


def test_progress_draws_a_bar_on_a_terminal_only() -> None:
    logger = logging.getLogger("test-progress")
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        with Progress(2, "decoding", logger, stream=stream) as progress:
            progress.update(2, loss=0.5)
    assert "decoding: 100%" in terminal.getvalue()
    assert "loss=0.5" in terminal.getvalue()
    assert file.getvalue() == ""


def test_steps_of_an_earlier_run_do_not_count_towards_the_rate(caplog: pytest.LogCaptureFixture) -> None:
    clock, terminal = Clock(), Terminal()
    logger = logging.getLogger("test-progress")
    caplog.set_level(logging.INFO, logger=logger.name)
    with Progress(100, "fine-tuning", logger, stream=terminal, clock=clock) as progress:
        progress.resume(60)
        clock.now += 10.0
        progress.update(20)
    assert caplog.messages == ["fine-tuning 80/100 rate=2/s elapsed=0:00:10 left=0:00:10"]
    assert "80/100" in terminal.getvalue()


def test_progress_of_nothing_says_no_time_left(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test-progress")
    caplog.set_level(logging.INFO, logger=logger.name)
    with Progress(0, "decoding", logger, stream=io.StringIO(), clock=Clock()):
        pass
    assert "decoding 0/0" in caplog.messages[0] and "left=?" in caplog.messages[0]


def test_progress_refuses_a_negative_total() -> None:
    with pytest.raises(ValueError, match="found total -1, expected 0 or more"):
        Progress(-1, "decoding", logging.getLogger())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05"), (math.nan, "?"), (math.inf, "?")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_log_ends_with_what_the_error_says_of_another_attempt(tmp_path: Path) -> None:
    error = FloatingPointError("a loss\n" + "is NaN " * 2000)
    start_log(tmp_path / "rule.log")
    sys.excepthook(type(error), error, None)
    assert read_ending(tmp_path / "rule.log") is Ending.REPEATS


def test_titles_and_answers_do_not_act_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger = start_log(tmp_path / "rule.log")
    logger.warning("the title %s\tand Café 日本", "Alien\x1b[2J\x1b]0;x\x07\r\x9b\u202e\x00")
    error = ValueError("the answer \x1b[31m")
    sys.excepthook(ValueError, error, None)
    for written in ((tmp_path / "rule.log").read_text(encoding="utf-8"), capsys.readouterr().err):
        assert r"the title Alien\x1b[2J\x1b]0;x\x07\r\x9b\u202e\x00" + "\tand Café 日本\n" in written
        assert r"ValueError: the answer \x1b[31m" + "\n" in written
        assert not {"\x1b", "\r", "\x07", "\x9b", "\u202e", "\x00"} & set(written)
