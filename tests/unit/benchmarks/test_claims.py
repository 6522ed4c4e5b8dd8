"""How claims are measured and written; speed is not checked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilora.benchmarks.claims import compare, compare_times, show_claim, write_claims


def ticking(durations: list[float]) -> Iterator[float]:
    now = 0.0
    for duration in durations:
        yield now
        now += duration
        yield now


def test_pairs_are_interleaved_and_the_warm_up_does_not_count(tmp_path: Path) -> None:
    calls: list[str] = []
    # The warm-up, then three pairs; the first and the last start with the reference.
    clock = ticking([50.0, 1.0, 2.0, 3.0, 8.0, 4.0, 2.0, 6.0])
    claim = compare_times(
        "claim",
        lambda: calls.append("ours"),
        lambda: calls.append("reference"),
        target=2.0,
        repeats=3,
        warm_up=1,
        clock=lambda: next(clock),
    )
    assert calls == ["ours", "reference", "reference", "ours"] * 2
    assert (claim.ours, claim.reference, claim.ratio) == (6.0, 2.0, 2.0)
    assert 1.5 <= claim.ratio_low <= claim.ratio <= claim.ratio_high <= 3.0
    write_claims([claim], tmp_path / "section.json")
    (written,) = json.loads((tmp_path / "section.json").read_text())
    assert written["claim"] == "claim" and written["repeats"] == 3 and written["target"] == 2.0
    assert "ratio 2.000" in show_claim(claim)


def test_what_is_measured_need_not_be_time() -> None:
    claim = compare("claim", lambda: 3.0, lambda: 4.0, unit="MiB", target=1.0, repeats=2, hardware="a machine")
    assert (claim.ours, claim.reference, claim.unit, claim.hardware) == (3.0, 4.0, "MiB", "a machine")
    assert claim.ratio_low == claim.ratio == claim.ratio_high == 0.75


def test_one_repeat_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least 2 repeats"):
        compare_times("claim", lambda: None, lambda: None, target=1.0, repeats=1)
