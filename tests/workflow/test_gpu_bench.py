"""Exported and imported jobs of the smoke study, run without Snakemake, match those of the workflow."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(1200)

STUDY = "studies/smoke.yaml"
PLACE = "movielens/random_users/embedded"


def bench(checkout: Checkout, *arguments: str) -> str:
    process = checkout.run([sys.executable, "-m", "ilora.cli", "bench", "gpu", *arguments])
    assert process.returncode == 0, process.stdout
    return process.stdout


def test_predictions_of_prepared_jobs_are_the_workflows_own(
    finished: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "workflow_scripts")
    checkout = Checkout.like(finished, tmp_path / "checkout")
    runs = [checkout.results / stage / PLACE / method for stage in ("finetune", "llm") for method in ("llara", "ilora")]
    predictions = [run / "default" / "seed~1" / "predictions.parquet" for run in runs[2:]]
    expected = [path.read_bytes() for path in predictions]
    for run in runs:
        shutil.rmtree(run)

    prepared, made = tmp_path / "prepared", tmp_path / "made"
    assert "4 jobs" in bench(checkout, "--prepare", str(prepared), "--study", STUDY)
    assert not any(run.exists() for run in runs)
    contents = json.loads((prepared / "contents.json").read_text(encoding="utf-8"))
    assert "results/smoke/data/movielens/random_users/candidates.parquet" in contents["files"]
    assert all((prepared / part).stat().st_size <= 60 * 2**20 for part in contents["parts"])

    # In another folder, without the results of this one.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(checkout.folder / "workflow_scripts"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    other = Checkout.at(elsewhere)
    bench(other, "pretrained", "--prepared", str(prepared), "--folder", str(made))
    assert os.listdir(elsewhere) == []
    report = json.loads((made / "gpu.json").read_text(encoding="utf-8"))
    assert report["parts"]["pretrained"]["status"] == "done"

    taken = bench(checkout, "--take", str(made / "made"))
    assert [path.read_bytes() for path in predictions] == expected
    assert all(f"imported: {path.relative_to(checkout.folder)}" in taken for path in predictions)
    # Snakemake has no metadata of these files; by their records, nothing is to be remade.
    shutil.rmtree(checkout.folder / ".snakemake")
    assert checkout.planned_jobs(*SMOKE, "--rerun-triggers", "mtime", "params", "input", "--", "predictions") == {}
