"""The scripts of the generative recommenders, from vectors to ranks and choices, run as by their rules."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import torch
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import INTERACTIONS
from ilora.artifacts.tensors import write_tensors
from ilora.full_ranking.schema import RANKS
from ilora.generative.schemas import BEAM_STATISTICS, ID_STATISTICS
from ilora.generative.training import GENERATOR_LOG
from ilora.predictions.schema import PREDICTIONS

SMALL = {"layers": 1, "width": 8, "feed_forward_size": 8, "heads": 1, "head_size": 8, "epochs": 1, "beams": 4}


def test_vectors_become_ids_a_generator_ranks_and_choices(repository: Path, tmp_path: Path, ring: Any) -> None:
    folder = tmp_path / "generative/movielens/chronological/cofirec/seed~1"
    folder.mkdir(parents=True)
    files = {
        name: str(folder / name) for name in ("ids", "statistics", "model", "log", "ranks", "beams", "predictions")
    }
    for name, table in {"sequences": ring.sequences, "candidates": ring.candidates}.items():
        files[name] = str(tmp_path / f"{name}.parquet")
        write_table(table, files[name])
    files["interactions"] = str(tmp_path / "interactions.parquet")
    write_table(pa.Table.from_pylist([], schema=INTERACTIONS), files["interactions"])
    vectors = torch.randn(ring.item_count, 6, generator=torch.Generator().manual_seed(0))
    files["texts"], files["embeddings"] = (str(tmp_path / f"{name}.safetensors") for name in ("texts", "embeddings"))
    write_tensors({"title": vectors, "item": vectors.clone()}, files["texts"])
    write_tensors({"item_embeddings": vectors[:, :3]}, files["embeddings"])

    def run(script: str, inputs: Mapping[str, str], outputs: Mapping[str, str], **params: object) -> None:
        rule = SimpleNamespace(
            rule=script,
            input=InputFiles(fromdict={name: files[file] for name, file in inputs.items()}),
            output=OutputFiles(fromdict={name: files[file] for name, file in outputs.items()}),
            params=Params(fromdict={"code": "c", **params}),
            wildcards=Wildcards(fromdict={"generator": "cofirec", "seed": "1"}),
            threads=1,
            log=[str(tmp_path / f"{script}.log")],
        )
        runpy.run_path(str(repository / f"workflow_scripts/{script}.py"), init_globals={"snakemake": rule})

    tokenizer = {
        "quantiser_training": {"hidden_sizes": [8], "warmup_epochs": 1, "epochs": 1},
        "cofirec": {"codebook_size": 4},
    }
    inputs = {"text_vectors": "texts", "item_embeddings": "embeddings"}
    run("make_semantic_ids", inputs, {"semantic_ids": "ids", "statistics": "statistics"}, tokenizer=tokenizer)
    assert read_table(files["statistics"], ID_STATISTICS)["level"].to_pylist() == ["title", "collaborative", "id"]

    trained = {"semantic_ids": "ids", "sequences": "sequences"}
    run("train_generator", trained, {"model": "model", "log": "log"}, generator={"generator": SMALL, "cofirec": {}})
    assert read_table(files["log"], GENERATOR_LOG)["step"][-1].as_py() == 2
    assert not (folder / "checkpoints").exists()

    asked = {**trained, "model": "model"}
    outputs = {"ranks": "ranks", "beam_statistics": "beams"}
    run("rank_by_generator", {**asked, "interactions": "interactions"}, outputs, leaves_seen_out=False)
    ranks = read_table(files["ranks"], RANKS)
    assert ranks.num_rows == 20 and set(ranks["ranked_items"].to_pylist()) == {ring.item_count}
    assert read_table(files["beams"], BEAM_STATISTICS)["beams"].to_pylist() == [4]

    run("score_by_generator", {**asked, "candidates": "candidates"}, {"predictions": "predictions"})
    predictions = read_table(files["predictions"], PREDICTIONS)
    assert predictions.num_rows == ring.candidates.num_rows
    assert predictions["method"].unique().to_pylist() == ["cofirec"]
    assert predictions["scores"].null_count == 0


def test_texts_are_encoded_by_level(
    repository: Path, tmp_path: Path, ring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replace the encoder: a text's vector has the counts of three letters."""
    import ilora.llm.model.backbones
    import ilora.llm.model.title_vectors
    from ilora.artifacts.tensors import read_tensors

    def encode(model: Any, tokenizer: Any, texts: list[str], batch_size: int, progress: Any) -> torch.Tensor:
        progress.update(n=len(texts))
        return torch.tensor([[float(text.count(letter)) for letter in "It."] for text in texts])

    for name in ("load_encoder", "load_tokenizer"):
        monkeypatch.setattr(ilora.llm.model.backbones, name, lambda source: None)
    monkeypatch.setattr(ilora.llm.model.title_vectors, "encode_titles", encode)
    catalogue, output = str(tmp_path / "items.parquet"), str(tmp_path / "text_vectors.safetensors")
    write_table(ring.items, catalogue)
    rule = SimpleNamespace(
        rule="encode_texts",
        input=InputFiles(fromdict={"catalogue": catalogue}),
        output=OutputFiles(fromdict={"text_vectors": output}),
        params=Params(fromdict={"code": "c", "encoder": {"name": "an encoder"}}),
        wildcards=Wildcards(),
        threads=1,
        log=[str(tmp_path / "log")],
    )
    runpy.run_path(str(repository / "workflow_scripts/encode_texts.py"), init_globals={"snakemake": rule})
    vectors = read_tensors(output)
    assert set(vectors) == {"title", "item"}, "these items have neither a category nor a description"
    assert vectors["title"].shape == (ring.item_count, 3)
