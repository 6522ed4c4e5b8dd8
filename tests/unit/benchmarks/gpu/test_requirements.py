"""`ilora bench gpu` first reports all of its missing requirements."""

import json
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import ilora
from ilora.benchmarks.gpu.requirements import LEAST_VERSIONS, OF_ANY_VERSION, needed_to_rebuild, problems


def installed(package: str) -> str:
    versions = {"torch": "2.11.0+cu130", "transformers": "5.9.1", "numpy": "1.0"}
    if package not in versions:
        raise metadata.PackageNotFoundError(package)
    return versions[package]


def test_everything_that_is_missing_or_too_old_is_named() -> None:
    least = {"torch": "2.11", "transformers": "5.17", "peft": "0.21"}
    assert problems(least, ("numpy", "pyarrow"), installed) == [
        "transformers >= 5.17: found 5.9.1",
        "peft >= 0.21: not installed",
        "pyarrow: not installed",
    ]


def test_versions_are_those_that_the_project_asks_for() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    asked = dict(requirement.split(">=") for requirement in project["dependencies"])
    assert {package: asked[package] for package in LEAST_VERSIONS} == LEAST_VERSIONS
    assert problems(LEAST_VERSIONS, OF_ANY_VERSION) == []


@pytest.mark.parametrize(("rebuilt", "needed"), [({}, ()), ({"model.safetensors": {}}, ("gguf",))])
def test_gguf_is_needed_where_weights_are_converted_again(
    rebuilt: dict[str, object], needed: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "contents.json").write_text(json.dumps({"about": {"rebuilt": rebuilt}}))
    assert needed_to_rebuild(tmp_path) == needed
    assert needed_to_rebuild(None) == ()


def test_it_is_said_by_python_alone() -> None:
    # -S: no installed package can be found.
    command = [sys.executable, "-S", "-m", "ilora.cli", "bench", "gpu"]
    library = str(Path(ilora.__file__).parents[1])
    process = subprocess.run(command, env={"PYTHONPATH": library}, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    (heading, *lines) = process.stderr.splitlines()
    assert "needs these packages" in heading
    assert [line.split()[0].rstrip(":") for line in lines] == [*LEAST_VERSIONS, *OF_ANY_VERSION]
    assert all(line.endswith(": not installed") for line in lines)
