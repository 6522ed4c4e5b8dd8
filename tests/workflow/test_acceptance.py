"""Artifacts made by other code are kept if only the code differs, and their records say so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import ilora

OLD, NEW = "a" * 64, "b" * 64
ROOT = Path(ilora.__file__).parents[1]

SNAKEFILE = """\
import os, sys
sys.path.insert(0, os.environ["LIBRARY"])
from pathlib import Path
import recorded_settings
from ilora.artifacts.provenance import provenance

recorded_settings.consult_records()

def record(rule, params, inputs, path):
    provenance(rule, params=dict(params.items()), inputs=inputs).record(path)

def code(wildcards):
    return os.environ["CODE"]

rule all:
    input: "tuned.txt", "table.txt"

rule tune:
    input: "data.txt"
    output: "tuned.txt", "log.txt"
    params: code=code, steps=os.environ["STEPS"]
    run:
        for path in output:
            Path(path).write_text("tuned")
        record("tune", params, input, output[0])

rule table:
    input: "tuned.txt"
    output: "table.txt"
    params: code=code
    run:
        Path(output[0]).write_text("table")
        record("table", params, input, output[0])
"""


class Study:
    """A study of two jobs, the second depending on the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        (self.folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
        (self.folder / "data.txt").write_text("data", encoding="utf-8")
        process = self.run("-m", "snakemake", "--cores", "1", code=OLD)
        assert process.returncode == 0, process.stderr

    def run(self, *command: str, code: str = NEW, steps: str = "10") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LIBRARY": str(ROOT), "PYTHONPATH": str(ROOT), "CODE": code, "STEPS": steps}
        return subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def accept(self, *arguments: str, steps: str = "10") -> subprocess.CompletedProcess[str]:
        program = "import sys; from ilora.artifacts.acceptance import main; sys.exit(main(sys.argv[1:]))"
        return self.run("-c", program, "--reason", "tune.py was split", *arguments, steps=steps)

    def is_done(self, steps: str = "10") -> bool:
        return "Nothing to be done" in self.run("-m", "snakemake", "--dry-run", steps=steps).stdout

    def record(self, name: str) -> Mapping[str, Any]:
        content: Mapping[str, Any] = json.loads((self.folder / f"{name}.provenance.json").read_text())
        return content


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = Study(tmp_path_factory.mktemp("made"))
    study.make()
    return study.folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Study:
    return Study(Path(shutil.copytree(made, tmp_path / "study")))


def test_what_other_code_made_is_kept_and_its_record_says_so(study: Study) -> None:
    tried = study.accept("--dry-run")
    assert (tried.returncode, tried.stdout) == (0, "would be kept: tune\nwould be kept: table\n"), tried.stderr
    assert "accepted" not in study.record("tuned.txt") and not study.is_done()

    process = study.accept()
    assert (process.returncode, process.stdout) == (0, "kept: tune\nkept: table\n"), process.stderr
    assert study.is_done()
    (entry,) = study.record("tuned.txt")["accepted"]
    assert {**entry, "at": "", "git_revision": ""} == {
        "code": OLD,
        "for": NEW,
        "reason": "tune.py was split",
        "at": "",
        "git_revision": "",
    }
    assert study.record("table.txt")["accepted"]


def test_what_other_settings_made_is_refused_with_what_follows(study: Study) -> None:
    process = study.accept(steps="20")
    assert process.returncode == 1 and process.stdout == ""
    assert process.stderr.splitlines() == [
        "made again: tune: steps: made with 10, now 20",
        "made again: table: depends on tune, which runs again",
    ]
    assert "accepted" not in study.record("table.txt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tuned.txt", "tune: tuned.txt: found 5 bytes of sha256 .*altered or replaced"),
        ("data.txt", "tune: tuned.txt was made from another version of data.txt"),
    ],
)
def test_an_altered_file_is_refused(study: Study, name: str, message: str) -> None:
    (study.folder / name).write_text("other", encoding="utf-8")
    process = study.accept()
    assert process.returncode == 1 and process.stdout == ""
    assert re.search(message, process.stderr)
    assert "accepted" not in study.record("tuned.txt")


def test_a_target_is_kept_alone(study: Study) -> None:
    assert study.accept("tuned.txt").stdout == "kept: tune\n"
    assert "accepted" in study.record("tuned.txt") and "accepted" not in study.record("table.txt")


def test_an_artifact_without_its_settings_on_record_is_refused(study: Study) -> None:
    path = study.folder / "tuned.txt.provenance.json"
    record = dict(study.record("tuned.txt"))
    del record["params"]
    path.write_text(json.dumps(record), encoding="utf-8")
    assert "made again: tune: none of its files has a provenance record" in study.accept().stderr
