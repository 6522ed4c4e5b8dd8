"""A part that fails or runs out of time loses no measurements, and the other parts still run."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ilora.benchmarks.gpu import run as runner
from ilora.benchmarks.gpu.parts import Bench, Part, Section
from ilora.benchmarks.gpu.report import Check, Figure, Measurement, NotRun

SPEED = Figure("speed", 3.0, "tokens/s", 2.0, 4.0, repeats=3, predicted=5.0)


def part_of(sections: list[Section]) -> Part:
    return Part(100.0, lambda bench: iter(sections))


def parts_of(**parts: list[Section]) -> dict[str, Part]:
    return {name: part_of(sections) for name, sections in parts.items()}


def run(folder: Path, parts: dict[str, Part], *names: str) -> tuple[int, dict[str, Any]]:
    status = runner.run(names, folder, None, parts)
    return status, json.loads((folder / "gpu.json").read_text())


def fails() -> Iterator[Measurement]:
    yield SPEED
    raise torch.OutOfMemoryError("tried to allocate 1 TiB")


def test_what_was_measured_stands_in_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = [Section("all", lambda: [SPEED, Check("error", 0.1, 0.2, "nats"), NotRun("NF4", "no bitsandbytes")])]
    status, report = run(tmp_path, parts_of(one=measured))
    assert status == 0 and report["complete"]
    assert report["hardware"] and report["machine"]["processor"] and report["packages"]["torch"]
    part = report["parts"]["one"]
    assert part["status"] == "done" and part["seconds"] > 0
    speed, check, absent = part["measurements"]
    assert (speed["kind"], speed["value"], speed["predicted"]) == ("figure", 3.0, 5.0)
    assert check["kind"] == "check" and check["holds"]
    assert absent == {"kind": "not_run", "name": "NF4", "reason": "no bitsandbytes"}
    assert "one: speed: 3 [2, 4] tokens/s, predicted 5" in capsys.readouterr().out


def test_an_error_ends_its_section_and_no_other(tmp_path: Path) -> None:
    sections = [Section("large", fails), Section("small", lambda: [SPEED])]
    status, report = run(tmp_path, parts_of(one=sections, two=[Section("all", lambda: [SPEED])]))
    assert status == 1 and report["complete"]
    before, failure, after = report["parts"]["one"]["measurements"]
    assert failure == {
        "kind": "failure",
        "name": "large",
        "error": "OutOfMemoryError: tried to allocate 1 TiB",
    }
    assert before["value"] == after["value"] == 3.0
    assert report["parts"]["one"]["status"] == "failed"
    assert report["parts"]["two"]["status"] == "done"


def test_an_error_outside_of_sections_ends_the_part_alone(tmp_path: Path) -> None:
    def sections(bench: Bench) -> Iterator[Section]:
        yield Section("all", lambda: [SPEED])
        raise ValueError("no model")

    status, report = run(tmp_path, {"one": Part(100.0, sections), **parts_of(two=[])})
    assert status == 1
    assert report["parts"]["one"]["error"] == "ValueError: no model"
    assert len(report["parts"]["one"]["measurements"]) == 1
    assert report["parts"]["two"]["status"] == "done"


@pytest.mark.parametrize("found", [0.3, float("nan")])
def test_a_check_that_does_not_hold_fails_its_part(found: float, tmp_path: Path) -> None:
    status, report = run(tmp_path, parts_of(one=[Section("all", lambda: [Check("error", found, 0.2, "nats")])]))
    assert status == 1
    assert report["parts"]["one"]["status"] == "failed"
    assert not report["parts"]["one"]["measurements"][0]["holds"]


def test_a_part_that_takes_too_long_is_ended_with_what_it_has(tmp_path: Path) -> None:
    def endless() -> Iterator[Measurement]:
        yield SPEED
        while True:
            time.sleep(0.01)

    slow = Part(0.01, lambda bench: iter([Section("all", endless), Section("never", lambda: [SPEED])]))
    status, report = run(tmp_path, {"slow": slow, **parts_of(two=[Section("all", lambda: [SPEED])])})
    assert status == 1
    assert report["parts"]["slow"]["status"] == "out of time"
    assert len(report["parts"]["slow"]["measurements"]) == 1
    assert report["parts"]["two"]["status"] == "done"


def test_the_report_is_whole_after_each_measurement(tmp_path: Path) -> None:
    seen = []

    def watched() -> Iterator[Measurement]:
        for _ in range(2):
            yield SPEED
            seen.append(json.loads((tmp_path / "gpu.json").read_text()))

    run(tmp_path, parts_of(one=[Section("all", watched)]))
    assert [len(report["parts"]["one"]["measurements"]) for report in seen] == [1, 2]
    assert [report["complete"] for report in seen] == [False, False]
    assert seen[0]["parts"]["one"]["status"] == "running"


def test_parts_are_called_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = parts_of(one=[], two=[])
    assert list(run(tmp_path, parts, "two")[1]["parts"]) == ["two"]
    assert runner.run(["three"], tmp_path / "other", None, parts) == 2
    assert "found part three, expected one, two" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_all_parts_together_take_less_than_eight_minutes() -> None:
    assert sum(part.budget_seconds for part in runner.PARTS.values()) < 8 * 60
