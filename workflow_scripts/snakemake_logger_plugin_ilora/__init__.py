"""Snakemake's logger plugin ``ilora``: shows a run in a terminal (`run_display`) instead of line after line."""

from __future__ import annotations

import logging
import sys
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

import run_display

#: Beginnings of messages without an event of their own that a reader needs.
_SHOWN = ("Nothing to be done", "Trying to restart job", "Terminating processes", "Will exit after finishing")
#: Parts of messages that only repeat what the display shows of a failed job.
_REPEATED = (
    "Exiting because a job execution failed",
    "CalledProcessError",
    "At least one job did not complete successfully",
)


class LogHandler(LogHandlerBase):
    """Turns Snakemake's events into what the display shows."""

    def __post_init__(self) -> None:
        """Open the display."""
        self._display = run_display.open_display(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event."""
        try:
            self._show(getattr(record, "event", None), record)
        except Exception:
            self.handleError(record)

    def _show(self, event: LogEvent | None, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = record.__dict__
        if event == LogEvent.JOB_INFO:
            log = next(iter(fields["log"]), None)
            self._display.started(fields["jobid"], fields["rule_name"], fields["wildcards"] or {}, log)
        elif event == LogEvent.JOB_FINISHED:
            self._display.finished(fields["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._display.failed(fields["jobid"], fields["rule_name"])
        elif self._is_shown(event, record):
            self._display.message(self.format(record))

    def _is_shown(self, event: LogEvent | None, record: logging.LogRecord) -> bool:
        if event not in (None, LogEvent.ERROR):
            return False
        text = str(record.msg)
        if any(part in text for part in _REPEATED):
            return False
        return record.levelno >= logging.WARNING or text.startswith(_SHOWN)

    def close(self) -> None:
        """End the display, and give the terminal back."""
        self._display.close()
        run_display.restore_output()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """The display replaces Snakemake's own messages on the terminal."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log file is kept."""
        return False

    @property
    def has_filter(self) -> bool:
        """What is shown is chosen here."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Messages are written as Snakemake words them."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """The display shows jobs, and no graph."""
        return False
