"""The workflow tunes a backbone from a directory with two processes, after a plan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import Checkout

pytestmark = pytest.mark.timeout(600)

STUDY = """
study: two-processes
results: results/two
methods: [sasrec, ilora]
backbone: {name: BACKBONE, gpus: 2, gpu_memory_gb: GIGABYTES}
prompt: {order: history_first, behaviour_token: after_title}
finetuning: {item_vectors: raw, curriculum: true}
"""


def study(checkout: Checkout, gigabytes: float) -> Path:
    backbone = checkout.folder / "tiny backbone"
    if not backbone.exists():
        shutil.copytree(checkout.results / "backbone" / "movielens" / "random_users" / "embedded", backbone)
    path = checkout.folder / "two.yaml"
    text = STUDY.replace("BACKBONE", json.dumps(str(backbone))).replace("GIGABYTES", str(gigabytes))
    path.write_text(text, encoding="utf-8")
    return path


def test_two_processes_tune_what_was_planned(finished: Checkout, tmp_path: Path) -> None:
    checkout = Checkout.like(finished, tmp_path / "checkout")
    target = "results/two/llm/movielens/random_users"
    arguments = ["--cores", "2", "--configfile", "studies/smoke.yaml"]
    refused = checkout.snakemake("plans", *arguments, str(study(checkout, 0.001)))
    assert refused.returncode != 0
    assert "expected at most 0.001 (backbone.gpu_memory_gb)" in refused.stdout

    planned = checkout.snakemake("plans", *arguments, str(study(checkout, 1.0)))
    assert planned.returncode == 0, planned.stdout
    assert "ilora on movielens: 6 steps of 4 sequences; 2 processes, 1 parts of 2 sequences" in planned.stdout
    run = checkout.snakemake("tables", *arguments, str(study(checkout, 1.0)))
    assert run.returncode == 0, run.stdout
    (predictions,) = (checkout.folder / target).rglob("predictions.parquet")
    assert set(pq.read_table(predictions)["method"].to_pylist()) == {"ilora"}
    (log,) = (checkout.folder / "results" / "two" / "finetune").rglob("training_log.parquet")
    assert pq.read_table(log)["step"].to_pylist()[-1] == 6
