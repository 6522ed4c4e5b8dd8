"""Altered inputs of every rule are refused with their name and a remedy, and the remedy works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import damaged_inputs
from checkout import SMOKE, Checkout
from damaged_inputs import CASES, RESULTS, Case, cut_in_half, emptied, one_bit_flipped

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def outcomes(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The outcomes of the rules' scripts, all run in one process on a copy of the finished study."""
    folder = tmp_path_factory.mktemp("damaged")
    copy = Checkout.like(finished, folder / "checkout")
    process = subprocess.run(
        [sys.executable, damaged_inputs.__file__, copy.folder, folder / "outcomes.json"],
        env={**copy.environment, "PYTHONPATH": str(copy.folder / "workflow_scripts")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return json.loads((folder / "outcomes.json").read_text(encoding="utf-8"))


def test_no_case_hides_another() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 30


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_damaged_artifact_is_refused(outcomes: Any, case: Case) -> None:
    outcome = outcomes["cases"][case.name]
    named = re.escape(str(RESULTS / (case.named or case.path)))
    assert re.match(rf"\w+Error: {named}: (\w+ has )?{case.says}", outcome["error"]), outcome["error"]
    assert outcome["changed"] == []


def test_one_altered_bit_of_any_input_is_refused_by_every_rule(outcomes: Any) -> None:
    accepted = [entry for entry in outcomes["flipped"] if entry["path"] not in entry["error"] or entry["changed"]]
    assert accepted == []
    rules = {entry["rule"] for entry in outcomes["flipped"]}
    assert {"train_recommender", "encode_titles", "fine_tune_gated", "answer_fine_tuned", "make_table1"} <= rules


def test_the_workflow_stops_and_the_remedy_that_it_names_works(finished: Checkout, tmp_path: Path) -> None:
    """With Snakemake: three damaged artifacts at once; after following the errors, the same command resumes."""
    copy = Checkout.like(finished, tmp_path / "checkout")
    adapter = "finetune/movielens/random_users/embedded/ilora/default/seed~1/adapter"
    damages = {
        f"{adapter}/adapter_model.safetensors": one_bit_flipped,
        "baselines/movielens/random_users/popularity/predictions.parquet": cut_in_half,
        "data/movielens/random_users/dataset_statistics.parquet": emptied,
    }
    for path, damage in damages.items():
        damage(copy.results / path)
    process = copy.snakemake("--cores", "all", "--keep-going", *SMOKE)
    assert process.returncode != 0
    for path in damages:
        assert f"ArtifactError: results/smoke/{path}: found " in process.stdout, process.stdout
    assert [path for path in copy.results.rglob("*") if ".partial" in path.name] == []

    remedies = set(re.findall(r"Error: (\S+): .*Delete (this file|the folder (\S+)) and run", process.stdout))
    for file, _, folder in remedies:
        place = copy.folder / (folder or file)
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert {folder or file for file, _, folder in remedies} == {
        f"results/smoke/{adapter}",
        *(f"results/smoke/{path}" for path in damages if adapter not in path),
    }
    copy.run_smoke()
    assert copy.hashes() == finished.hashes()
