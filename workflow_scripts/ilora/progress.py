"""Logs and progress of a running rule, in a file and on the terminal."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from ilora.artifacts.file_system import remedy
from ilora.endings import ending_of
from ilora.garbage import spare_imports
from ilora.library_messages import silence_libraries
from ilora.terminal import escaped

SECONDS_BETWEEN_LINES = 10.0


def start_log(path: str | PathLike[str]) -> logging.Logger:
    """Return the logger of one rule, which writes to the file ``path`` and to standard error.

    The file is overwritten, so it covers the latest attempt only. It also receives warnings, and the error that ends
    the process, with an `ilora.endings.Ending` as the last line. A rule's script calls this first, after its imports.
    """
    spare_imports()
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"")
    return join_log(target)


def join_log(path: str | PathLike[str]) -> logging.Logger:
    """Return the logger of a child process, which appends to the log of its parent."""
    to_file = logging.FileHandler(path, mode="a", encoding="utf-8")
    to_terminal = logging.StreamHandler(sys.stderr)
    layout = _Layout("%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in (to_file, to_terminal):
        handler.setFormatter(layout)
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    silence_libraries()
    sys.excepthook = _log_fatal_error
    logger = logging.getLogger("ilora")
    logger.setLevel(logging.INFO)
    return logger


class _Layout(logging.Formatter):
    """Escapes messages, which may contain titles of items or answers of models."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record))


def _log_fatal_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger = logging.getLogger("ilora")
    logger.critical("stopped by an error", exc_info=(kind, error, trace))
    what_to_do = remedy(error) if isinstance(error, OSError) else None
    if what_to_do is not None:
        logger.critical(what_to_do)
    logger.critical(ending_of(error).value)


class Progress:
    """Progress over a known number of steps, as a context manager.

    A terminal shows a bar. The logger gets a line about every ten seconds, and one at the end, with the step, the
    total, the latest values, the rate in steps per second and the time left.

    Args:
        total: number of steps, at least 0.
        description: name of the counted work, for example ``"fine-tuning"``.
        logger: logger of the lines, usually the result of ``start_log``.
        stream: stream of the bar, if it is a terminal; standard error by default.
        clock: seconds from a monotonic clock.

    Raises:
        ValueError: if ``total`` is negative.
    """

    def __init__(
        self,
        total: int,
        description: str,
        logger: logging.Logger,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if total < 0:
            raise ValueError(f"progress of {description!r}: found total {total}, expected 0 or more")
        self.total = total
        self.description = description
        self.step = 0
        self._resumed_from = 0
        self._logger = logger
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._values: dict[str, float] = {}
        self._bar: tqdm[None] | None = None
        self._logged_step: int | None = None
        self._started = self._last_line = clock()

    def __enter__(self) -> Progress:
        """Start the clock and, on a terminal, the bar."""
        self._started = self._last_line = self._clock()
        if self._stream.isatty():
            self._bar = tqdm(
                total=self.total, desc=self.description, file=self._stream, dynamic_ncols=True, disable=False
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bar and log the last line, even after an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._logged_step != self.step:
            self._write_line()

    def update(self, n: int = 1, **values: float) -> None:
        """Count ``n`` more steps, and update the named ``values``, such as a loss or a learning rate."""
        self.step += n
        self._values.update(values)
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.4g}" for name, value in self._values.items()}, refresh=False)
            self._bar.update(n)
        if self._clock() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._write_line()

    def resume(self, step: int) -> None:
        """Continue from ``step``, which an earlier run reached. Earlier steps count towards the total, not the rate."""
        self.step = self._resumed_from = step
        if self._bar is not None:
            self._bar.initial = self._bar.n = step
            self._bar.refresh()

    def _write_line(self) -> None:
        now = self._clock()
        self._last_line, self._logged_step = now, self.step
        elapsed = now - self._started
        rate = (self.step - self._resumed_from) / elapsed if elapsed > 0 else math.nan
        left = (self.total - self.step) / rate if rate > 0 else math.nan
        values = "".join(f" {name}={value:.4g}" for name, value in self._values.items())
        self._logger.info(
            "%s %d/%d%s rate=%.3g/s elapsed=%s left=%s",
            self.description,
            self.step,
            self.total,
            values,
            rate,
            format_duration(elapsed),
            format_duration(left),
        )


def format_duration(seconds: float) -> str:
    """Return ``seconds`` as ``h:mm:ss``, or a question mark if they are not finite."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
