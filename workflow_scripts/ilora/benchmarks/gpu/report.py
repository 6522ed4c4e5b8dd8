"""What was measured, as one JSON file that is whole after each measurement."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ilora.artifacts.writing import atomic_path
from ilora.benchmarks.claims import Claim, show_claim


@dataclass(frozen=True)
class Check:
    """Something that must hold: ``found`` is at most ``allowed``.

    Attributes:
        name: what is checked.
        found: a deviation.
        allowed: the largest that is right.
        unit: of both, such as "of the largest value".
    """

    name: str
    found: float
    allowed: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether it is right; NaN is not."""
        return self.found <= self.allowed


@dataclass(frozen=True)
class Figure:
    """A number, and beside it what was predicted of it.

    Attributes:
        name: of what.
        value: median of the repeats.
        unit: such as "tokens/s".
        low: the least of the repeats; None for one that was measured once.
        high: the largest of them; None likewise.
        repeats: how many there are.
        predicted: what the plan says (`ilora.llm.training.tuning_plan`); None where it says nothing.
        note: how to read it.
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
    """Something that was not measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Failure:
    """Something that ended with an error."""

    name: str
    error: str


Measurement = Check | Claim | Figure | NotRun | Failure

Status = Literal["running", "done", "failed", "out of time"]


@dataclass
class PartReport:
    """A part of the benchmark.

    Attributes:
        budget_seconds: after which it is ended.
        status: "failed" where it ended with an error, or something in it did, or a check does not hold.
        seconds: that it took.
        error: that ended it.
        measurements: in the order in which they were made.
    """

    budget_seconds: float
    status: Status = "running"
    seconds: float = 0.0
    error: str | None = None
    measurements: list[Measurement] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing in it failed so far."""
        return self.error is None and not any(map(is_wrong, self.measurements))


def is_wrong(measurement: Measurement) -> bool:
    """Return whether something ended with an error, or is a check that does not hold."""
    return isinstance(measurement, Failure) or (isinstance(measurement, Check) and not measurement.holds)


@dataclass
class Report:
    """All of it.

    Attributes:
        path: of the file.
        about: hardware, versions, settings.
        parts: by name, in the order in which they ran.
    """

    path: Path
    about: dict[str, Any]
    parts: dict[str, PartReport] = field(default_factory=dict)

    def write(self) -> None:
        """Write the file anew, atomically."""
        with atomic_path(self.path) as temporary:
            temporary.write_text(json.dumps(self.plain(), indent=2) + "\n", encoding="utf-8")

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        parts = {
            name: {**vars(part), "measurements": [_plain(measurement) for measurement in part.measurements]}
            for name, part in self.parts.items()
        }
        return {**self.about, "parts": parts}


def _plain(measurement: Measurement) -> dict[str, Any]:
    kind = {Check: "check", Claim: "comparison", Figure: "figure", NotRun: "not_run", Failure: "failure"}
    holds = {"holds": measurement.holds} if isinstance(measurement, Check) else {}
    values = asdict(measurement)
    # Of a comparison, the claim's name.
    name = values.pop("name", None) or values.pop("claim")
    return {"kind": kind[type(measurement)], "name": name, **values, **holds}


def show(measurement: Measurement) -> str:
    """Return a measurement as a line."""
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
