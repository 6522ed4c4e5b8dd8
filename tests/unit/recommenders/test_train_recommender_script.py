"""The script that trains a recommender, run as by its rule."""

import hashlib
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.tensors import read_tensors, write_tensors
from ilora.predictions.schema import PREDICTIONS
from ilora.predictions.scores import score_matrix
from ilora.recommenders.settings import Architecture, TrainingSettings

OUTPUTS = {
    "model": "model.safetensors",
    "item_embeddings": "item_embeddings.safetensors",
    "sequence_representations": "sequence_representations.safetensors",
    "predictions": "predictions.parquet",
    "training_log": "training_log.parquet",
}


@pytest.fixture(params=["sasrec", "gru4rec", "caser", "caseq", "morec"])
def recommender(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(
    repository: Path,
    ring: Any,
    recommender: str,
    architecture: Architecture,
    settings: TrainingSettings,
    tmp_path: Path,
) -> Any:
    tables = {"catalogue": ring.items, "sequences": ring.sequences, "candidates": ring.candidates}
    inputs = {name: str(tmp_path / f"{name}.parquet") for name in tables}
    for name, table in tables.items():
        write_table(table, inputs[name])
    if recommender == "morec":
        inputs["title_vectors"] = str(tmp_path / "title_vectors.safetensors")
        titles = torch.randn(ring.item_count, 6, generator=torch.Generator().manual_seed(0))
        write_tensors({"title_vectors": titles}, inputs["title_vectors"])

    def run_script(folder: str, seed: int) -> Path:
        params = {
            "architecture": architecture.plain(),
            "training": {**settings.plain(), "maximum_epochs": 2},
            "embedding_size": 8,
            "maximum_history": ring.maximum_history,
        }
        rule = SimpleNamespace(
            rule="train_recommender",
            input=InputFiles(fromdict=inputs),
            output=OutputFiles(fromdict={name: str(tmp_path / folder / file) for name, file in OUTPUTS.items()}),
            params=Params(fromdict=params),
            wildcards=Wildcards(fromdict={"recommender": recommender, "seed": str(seed)}),
            log=[str(tmp_path / folder / "log.txt")],
            threads=torch.get_num_threads(),
        )
        runpy.run_path(str(repository / "workflow_scripts/train_recommender.py"), init_globals={"snakemake": rule})
        return tmp_path / folder

    return run_script


def _digests(folder: Path) -> dict[str, str]:
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in OUTPUTS.values()}


def test_same_seed_same_bytes_and_another_seed_others(run: Any) -> None:
    first, second, other = run("first", 1), run("second", 1), run("other", 2)
    assert _digests(first) == _digests(second)
    assert not set(_digests(first).values()) & set(_digests(other).values())


def test_the_artifacts_agree_with_each_other(run: Any, ring: Any, recommender: str) -> None:
    folder = run("first", 1)
    embeddings = read_tensors(folder / "item_embeddings.safetensors")["item_embeddings"]
    representations = read_tensors(folder / "sequence_representations.safetensors")["sequence_representations"]
    predictions = read_table(folder / "predictions.parquet", PREDICTIONS)
    log = pq.read_table(folder / "training_log.parquet")

    assert embeddings.shape == (ring.item_count, 8)
    assert representations.shape == (ring.sequences.num_rows, 8)
    assert embeddings.dtype == representations.dtype == torch.float32
    assert predictions.num_rows == ring.candidates.num_rows
    assert set(predictions["method"].to_pylist()) == {recommender}
    assert {"step", "epoch", "loss", "learning_rate", "validation_hit_ratio@1"} <= set(log.column_names)
    rows, items = predictions["sequence_id"].to_numpy(), predictions["candidates"].to_pylist()
    recomputed = np.einsum("rd,rcd->rc", representations.numpy()[rows], embeddings.numpy()[np.array(items)])
    assert np.abs(recomputed - score_matrix(predictions)).max() < 1e-5
