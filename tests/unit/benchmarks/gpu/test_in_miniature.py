"""`ilora bench gpu` end to end, in miniature, with only its stated requirements installed."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import ilora
from ilora.benchmarks.gpu.requirements import LEAST_VERSIONS, OF_ANY_VERSION
from ilora.benchmarks.gpu.run import PARTS

pytestmark = pytest.mark.slow

#: The command of `make gpu`.
SCRIPT = Path(ilora.__file__).parents[1] / "measure_gpu.py"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("gpu")
    python = make_bare_environment(folder / "environment", [*LEAST_VERSIONS, *OF_ANY_VERSION])
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [str(python), str(SCRIPT), "--folder", str(folder / "made")]
    process = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    found: dict[str, Any] = json.loads((folder / "made" / "gpu.json").read_text())
    return found


def make_bare_environment(folder: Path, packages: Iterable[str]) -> Path:
    """Create a virtual environment with links to some packages and their dependencies; return its Python."""
    venv.create(folder, symlinks=True, with_pip=False)
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for distribution in with_what_they_need(packages):
        for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(str(distribution.locate_file(name)))
    return folder / "bin" / "python"


def with_what_they_need(packages: Iterable[str]) -> list[metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    waiting = list(packages)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found[name] = metadata.distribution(name)
            needed = map(Requirement, found[name].requires or ())
            waiting += [need.name for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return list(found.values())


def measured(report: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    return {measurement["name"]: measurement for measurement in report["parts"][part]["measurements"]}


def test_every_part_is_whole_and_nothing_else_was_needed(report: dict[str, Any]) -> None:
    assert report["complete"] and report["sizes"] == "miniature" and report["gpu"] is None
    assert list(report["parts"]) == list(PARTS)
    assert {part["status"] for part in report["parts"].values()} == {"done"}
    not_run = [
        (measurement["name"], measurement["reason"])
        for part in report["parts"].values()
        for measurement in part["measurements"]
        if measurement["kind"] == "not_run"
    ]
    assert not_run == [
        ("adapter on nf4: what layers add", "bitsandbytes is not installed"),
        ("adapter on int8: what layers add", "bitsandbytes is not installed"),
        ("ilora with FlashAttention against SDPA: time", "flash_attn is not installed"),
        ("7B shape in 4 bits", "bitsandbytes is not installed"),
    ]


def test_every_check_is_of_something(report: dict[str, Any]) -> None:
    checks = measured(report, "correctness")
    for precision in ("float32", "bfloat16", "float16"):
        assert 0 < checks[f"adapter in {precision}: logits"]["found"] < 1
    assert checks["adapter in bfloat16: logits"]["found"] > checks["adapter in float32: logits"]["found"]
    # On a processor, both are the same computation.
    assert checks["tuned on cpu and on the processor: weights"]["found"] == 0
    assert checks["killed and resumed on cpu: weights"]["found"] == 0


def test_what_the_plan_says_stands_beside_what_was_measured(report: dict[str, Any]) -> None:
    large = measured(report, "seven_billion")
    for method in ("lora", "ilora"):
        memory, operations = large[f"{method}: peak memory"], large[f"{method}: operations of a step"]
        assert memory["value"] == pytest.approx(memory["predicted"], rel=0.1)
        assert operations["value"] == pytest.approx(operations["predicted"], rel=0.02)
    assert large["lora: step"]["repeats"] == 2
    for other in ("uniform", "per_expert", "x_lora"):
        assert large[f"ilora against {other}, one pass: time"]["kind"] == "comparison"


def test_the_jobs_of_the_workflow_ran(report: dict[str, Any]) -> None:
    pretrained = measured(report, "pretrained")
    for method in ("llara", "ilora"):
        assert pretrained[f"fine_tune {method}: loss of the last row"]["note"] == "step 6"
        assert pretrained[f"answer_fine_tuned {method}: answers that name a candidate"]["note"] == "of 8"
        assert pretrained[f"{method}: peak memory of a step"]["predicted"] > 0
