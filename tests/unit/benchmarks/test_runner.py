"""`ilora bench`: sections and their output files."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ilora.benchmarks import __main__ as runner
from ilora.benchmarks.claims import Claim, compare


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], None]:
    def add(name: str, ours: float) -> None:
        module = ModuleType(f"section_{name}")

        def measure() -> list[Claim]:
            return [compare(name, lambda: ours, lambda: 2.0, unit="s", target=1.0, repeats=2)]

        module.measure = measure  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)

    monkeypatch.setattr(runner, "SECTIONS", {"small": ("section_first", "section_second"), "other": ("section_third",)})
    for name, ours in (("first", 1.0), ("second", 2.0), ("third", 3.0)):
        add(name, ours)
    return add


@pytest.mark.usefixtures("section")
def test_a_section_is_written_as_one_list_of_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner.main(["small", "--folder", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["small.json"]
    claims = json.loads((tmp_path / "small.json").read_text())
    assert [claim["claim"] for claim in claims] == ["first", "second"]
    assert [Claim(**claim).ratio for claim in claims] == [0.5, 1.0]
    assert "first: 1 s against 2 s, ratio 0.500" in capsys.readouterr().out


@pytest.mark.usefixtures("section")
def test_without_a_name_every_section_is_measured(tmp_path: Path) -> None:
    runner.main(["--folder", str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.json", "small.json"]


@pytest.mark.usefixtures("section")
def test_an_unknown_section_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        runner.main(["small", "smaller", "--folder", str(tmp_path)])
    assert "found section smaller, expected small, other" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_every_section_can_be_found() -> None:
    for modules in runner.SECTIONS.values():
        assert all(callable(importlib.import_module(module).measure) for module in modules)
