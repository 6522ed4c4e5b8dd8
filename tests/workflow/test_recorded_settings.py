"""Snakemake plans by the records of artifacts, regardless of its own metadata."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ilora
from ilora.artifacts.provenance import provenance
from recorded_settings import RecordedSettingsError, check_finished_run

LIBRARY = Path(ilora.__file__).parents[1]
ROUNDS = int(os.environ.get("ILORA_TEST_ROUNDS", "2"))
SECONDS = 3.0
# The arguments of `make` and the Slurm profile.
TRIGGERS = ("--rerun-triggers", "mtime", "params", "input", "software-env")

SNAKEFILE = """\
import os, sys
sys.path.insert(0, os.environ["LIBRARY"])
import recorded_settings

recorded_settings.consult_records()
R, EPOCHS = os.environ["RESULTS"], int(os.environ["EPOCHS"])
SEEDS = [int(seed) for seed in os.environ["SEEDS"].split()]

onsuccess:
    recorded_settings.check_finished_run(workflow.dag.jobs)

rule all:
    input: f"{R}/table.txt"

rule train:
    output: R + "/model~{seed}.txt"
    params: epochs=EPOCHS, patience=1
    script: "train.py"

rule table:
    input: expand(R + "/model~{seed}.txt", seed=SEEDS)
    output: f"{R}/table.txt"
    params: digits=3
    script: "table.py"
"""
SCRIPT = """\
import time
from pathlib import Path
from ilora.artifacts.provenance import provenance_of

made = provenance_of(snakemake)
time.sleep(0.1)
if snakemake.rule == "train":
    text = f"epochs {snakemake.params.epochs}"
else:
    text = " ".join(Path(path).read_text() for path in snakemake.input)
Path(snakemake.output[0]).write_text(text)
made.record(snakemake.output[0])
"""


class Place:
    """A folder to run in, with results that other folders may share."""

    def __init__(self, folder: Path, results: Path) -> None:
        self.folder, self.results = folder, results
        folder.mkdir()
        (folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
        for name in ("train.py", "table.py"):
            (folder / name).write_text(SCRIPT, encoding="utf-8")

    def start(self, *arguments: str, epochs: int = 1, seeds: str = "1") -> subprocess.Popen[str]:
        settings = {"RESULTS": str(self.results), "EPOCHS": str(epochs), "SEEDS": seeds}
        paths = {"LIBRARY": str(LIBRARY), "PYTHONPATH": str(LIBRARY)}
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--rerun-incomplete", *TRIGGERS, *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **settings, **paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, epochs: int = 1, seeds: str = "1") -> str:
        process = self.start(*arguments, epochs=epochs, seeds=seeds)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    def table(self) -> str:
        return (self.results / "table.txt").read_text(encoding="utf-8")


def planned(output: str) -> dict[str, int]:
    lines = (line.split() for line in output.splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[0] in ("train", "table")}


@pytest.fixture
def one(tmp_path: Path) -> Place:
    (tmp_path / "results").mkdir()
    place = Place(tmp_path / "one", tmp_path / "results")
    place.run()
    return place


def test_another_folder_on_the_same_results_notices_other_settings(one: Place, tmp_path: Path) -> None:
    two = Place(tmp_path / "two", one.results)
    assert planned(two.run("--dry-run")) == {}
    two.run(epochs=3, seeds="1 2")
    assert two.table() == "epochs 3 epochs 3"
    # The metadata in the first folder is that of its own run.
    assert planned(one.run("--dry-run")) == {"train": 1, "table": 1}
    assert planned(one.run("--dry-run", epochs=3, seeds="1 2")) == {}
    one.run()
    assert one.table() == "epochs 1"


def test_inputs_that_are_no_longer_asked_for_are_noticed(one: Place) -> None:
    one.run(seeds="1 2")
    shutil.rmtree(one.folder / ".snakemake")
    assert planned(one.run("--dry-run", seeds="1 2")) == {}
    assert planned(one.run("--dry-run", seeds="1")) == {"table": 1}


def test_copied_results_need_no_notes_of_snakemake(one: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(one.results, copy)
    two = Place(tmp_path / "two", copy)
    assert planned(two.run("--dry-run")) == {}
    assert planned(two.run("--dry-run", epochs=2)) == {"train": 1, "table": 1}


def test_two_runs_at_once_with_kills_end_in_one_set_of_artifacts_or_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    places = [Place(tmp_path / name, tmp_path / "results") for name in ("one", "two")]
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    moments = random.Random(seed)
    for _ in range(ROUNDS):
        runs = [place.start(epochs=epochs, seeds="1 2 3") for epochs, place in enumerate(places, start=1)]
        time.sleep(moments.uniform(0, SECONDS))
        killed = moments.randrange(2)
        os.killpg(runs[killed].pid, signal.SIGKILL)
        runs[killed].communicate()
        other = 1 - killed
        output, _ = runs[other].communicate()
        if runs[other].returncode == 0:
            assert places[other].table() == " ".join([f"epochs {other + 1}"] * 3), output
        else:
            assert "Error" in output or "are not consistent" in output
        places[killed].run("--unlock", epochs=killed + 1, seeds="1 2 3")
        places[killed].run(epochs=killed + 1, seeds="1 2 3")
        assert places[killed].table() == " ".join([f"epochs {killed + 1}"] * 3)


def job(path: Path, params: dict[str, Any], inputs: list[str]) -> SimpleNamespace:
    return SimpleNamespace(output=[str(path)], wildcards={}, params=params, input=inputs)


def test_a_finished_run_whose_artifacts_another_made_anew_is_refused(tmp_path: Path) -> None:
    model, table = tmp_path / "model.txt", tmp_path / "table.txt"
    for path, params, inputs in ((model, {"epochs": 1}, []), (table, {"digits": 3}, [model])):
        made = provenance("make", params=params, inputs=inputs)
        path.write_text("made", encoding="utf-8")
        made.record(path)
    jobs = [job(model, {"epochs": 1}, []), job(table, {"digits": 3}, [str(model)])]
    check_finished_run(jobs)

    model.write_text("by another", encoding="utf-8")
    provenance("make", params={"epochs": 2}).record(model)
    with pytest.raises(RecordedSettingsError, match="are not consistent") as caught:
        check_finished_run(jobs)
    assert f"{model}: epochs: made with 2, now 1" in str(caught.value)
    assert f"{table}: made from another version of {model}" in str(caught.value)
