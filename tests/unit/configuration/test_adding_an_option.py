"""Following docs/adding_an_option.md, an option of fine-tuning is added in two files: its section and its use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ilora.code_version import script_version
from page import BLOCK, edit, write

pytestmark = pytest.mark.slow

PACKAGE = "workflow_scripts/ilora"

# Prints the option on its way from a study to the optimizer.
SHOW = """
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import yaml
from torch import nn

from ilora.code_version import script_version
from ilora.configuration.schema import render_config
from ilora.configuration.tuning import TuningSettings
from ilora.llm.training.fine_tuning import _parameter_groups
from ilora.study.study import Study
from ilora.study.targets import Targets

WILDCARDS = {"dataset": "movielens", "protocol": "random_users", "backbone": "embedded", "method": "llara", "seed": "1"}

def params(finetuning):
    study = Study.load({"finetuning": finetuning}, {})
    return Targets(study).tuning.settings(WILDCARDS)

settings = TuningSettings.read(params({"lora_weight_decay": 0.1}))
model = SimpleNamespace(causal_model=nn.Linear(1, 1), projector=None, instance_wise=None)
swept = Study.load(yaml.safe_load(Path("studies/lora_weight_decay.yaml").read_text()), {})
scripts = Path("workflow_scripts")
json.dump(
    {
        "at its default": params({}),
        "optimizer": [group.weight_decay for group in _parameter_groups(model, settings.finetuning)],
        "cells": [cell.variant for cell in Targets(swept).sweeps.cells["lora_weight_decay"]],
        "comment": [line for line in render_config().splitlines() if "lora_weight_decay" in line],
        "versions": {
            name: script_version(scripts / f"{name}.py", scripts) for name in ("fine_tune", "encode_titles")
        },
    },
    sys.stdout,
)
"""


def texts(folder: Path) -> dict[str, str]:
    """Return the text of every module of the package, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}


def copy_of(repository: Path, folder: Path, places: list[str]) -> Path:
    """Copy the workflow, follow the page's steps that edit one of the places, and return the copy."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "workflow_scripts", folder / "workflow_scripts", ignore=ignored)
    (folder / "studies").mkdir()
    for kind, content in BLOCK.findall((repository / "docs" / "adding_an_option.md").read_text(encoding="utf-8")):
        if kind == "diff" and any(place in content.split("\n", 1)[0] for place in places):
            edit(folder, content)
        elif kind == "yaml":
            write(folder, content)
    return folder


@pytest.fixture(scope="module")
def copy(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(repository, tmp_path_factory.mktemp("added"), ["finetuning_values.py", "fine_tuning.py"])


@pytest.fixture(scope="module")
def shown(copy: Path) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": "workflow_scripts"}
    process = subprocess.run([sys.executable, "-c", SHOW], cwd=copy, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_two_files_are_touched(repository: Path, copy: Path) -> None:
    before, after = texts(repository / PACKAGE), texts(copy / PACKAGE)
    assert {path for path, text in after.items() if before.get(path) != text} == {
        "configuration/sections/finetuning_values.py",
        "llm/training/fine_tuning.py",
    }


def test_it_reaches_the_optimizer_and_a_sweep(shown: dict[str, Any]) -> None:
    assert shown["optimizer"] == [0.1]
    assert shown["cells"] == ["default", "lora_weight_decay~0.1"]
    assert shown["comment"] == ["  lora_weight_decay: 0.0             # weight decay of LoRA's weights in AdamW"]


def test_at_its_default_no_rule_sees_it(shown: dict[str, Any]) -> None:
    assert "lora_weight_decay" not in shown["at its default"]["finetuning"]


def test_the_declaration_reruns_nothing_and_the_use_what_uses_it(
    repository: Path, tmp_path: Path, shown: dict[str, Any]
) -> None:
    def versions(folder: Path) -> dict[str, str]:
        scripts = folder / "workflow_scripts"
        return {name: script_version(scripts / f"{name}.py", scripts) for name in ("fine_tune", "encode_titles")}

    declared = copy_of(repository, tmp_path / "declared", ["finetuning_values.py"])
    assert versions(declared) == versions(repository)
    assert shown["versions"]["encode_titles"] == versions(repository)["encode_titles"]
    assert shown["versions"]["fine_tune"] != versions(repository)["fine_tune"]


def test_the_page_is_named(repository: Path) -> None:
    assert "(docs/adding_an_option.md)" in (repository / "README.md").read_text(encoding="utf-8")
