"""The report: one JSON file, complete and valid after each measurement."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ilora.artifacts.writing import atomic_path
from ilora.benchmarks.claims import Claim, show_claim


@dataclass(frozen=True)
class Check:
    """A check that ``found`` is at most ``allowed``.

    Attributes:
        name: name of the check.
        found: measured deviation.
        allowed: largest acceptable deviation.
        unit: unit of both, such as "of the largest value".
    """

    name: str
    found: float
    allowed: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the check holds; False for NaN."""
        return self.found <= self.allowed


@dataclass(frozen=True)
class Figure:
    """A measured value, with its prediction if there is one.

    Attributes:
        name: name of the quantity.
        value: median of the repeats.
        unit: unit, such as "tokens/s".
        low: smallest of the repeats; None for a single measurement.
        high: largest of the repeats; None for a single measurement.
        repeats: number of repeats.
        predicted: value predicted by the plan (`ilora.llm.training.tuning_plan`); None if there is none.
        note: explanation for readers.
    """

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    repeats: int = 1
    predicted: float | None = None
    note: str = ""


@dataclass(frozen=True)
class NotRun:
    """A measurement that was not made, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Failure:
    """A section that ended with an error."""

    name: str
    error: str


Measurement = Check | Claim | Figure | NotRun | Failure

Status = Literal["running", "done", "failed", "out of time"]


@dataclass
class PartReport:
    """Report of a part of the benchmark.

    Attributes:
        budget_seconds: time limit.
        status: "failed" if the part or a section ended with an error, or a check does not hold.
        seconds: elapsed time.
        error: error that ended the part.
        measurements: measurements in chronological order.
    """

    budget_seconds: float
    status: Status = "running"
    seconds: float = 0.0
    error: str | None = None
    measurements: list[Measurement] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing has failed so far."""
        return self.error is None and not any(map(is_wrong, self.measurements))


def is_wrong(measurement: Measurement) -> bool:
    """Return whether a measurement is an error or a check that does not hold."""
    return isinstance(measurement, Failure) or (isinstance(measurement, Check) and not measurement.holds)


@dataclass
class Report:
    """The whole report.

    Attributes:
        path: path of the file.
        about: hardware, versions and settings.
        parts: reports of the parts by name, in the order in which they ran.
    """

    path: Path
    about: dict[str, Any]
    parts: dict[str, PartReport] = field(default_factory=dict)

    def write(self) -> None:
        """Rewrite the file atomically."""
        with atomic_path(self.path) as temporary:
            temporary.write_text(json.dumps(self.plain(), indent=2) + "\n", encoding="utf-8")

    def plain(self) -> dict[str, Any]:
        """Return the report as JSON-compatible data."""
        parts = {
            name: {**vars(part), "measurements": [_plain(measurement) for measurement in part.measurements]}
            for name, part in self.parts.items()
        }
        return {**self.about, "parts": parts}


def _plain(measurement: Measurement) -> dict[str, Any]:
    kind = {Check: "check", Claim: "comparison", Figure: "figure", NotRun: "not_run", Failure: "failure"}
    holds = {"holds": measurement.holds} if isinstance(measurement, Check) else {}
    values = asdict(measurement)
    # A comparison is named by its claim.
    name = values.pop("name", None) or values.pop("claim")
    return {"kind": kind[type(measurement)], "name": name, **values, **holds}


def show(measurement: Measurement) -> str:
    """Return a measurement as one line of text."""
    if isinstance(measurement, Claim):
        return show_claim(measurement)
    if isinstance(measurement, Check):
        verdict = "holds" if measurement.holds else "DOES NOT HOLD"
        found, allowed = f"{measurement.found:.3g}", f"at most {measurement.allowed:.3g} {measurement.unit}"
        return f"{measurement.name}: {found}, {allowed}: {verdict}"
    if isinstance(measurement, NotRun):
        return f"{measurement.name}: not run: {measurement.reason}"
    if isinstance(measurement, Failure):
        return f"{measurement.name}: FAILED: {measurement.error}"
    spread = "" if measurement.low is None else f" [{measurement.low:.4g}, {measurement.high:.4g}]"
    predicted = "" if measurement.predicted is None else f", predicted {measurement.predicted:.4g}"
    note = f" ({measurement.note})" if measurement.note else ""
    unit = f" {measurement.unit}" if measurement.unit else ""
    return f"{measurement.name}: {measurement.value:.4g}{spread}{unit}{predicted}{note}"
