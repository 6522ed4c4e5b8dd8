"""The scripts of the full ranking, run as by their rules."""

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
from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.artifacts.tensors import write_tensors
from ilora.evaluation.schemas import DIFFERENCES, RANKING_SUMMARY
from ilora.full_ranking.schema import RANKS

DATA = "data/movielens/chronological"


def input_files(inputs: Mapping[str, Any]) -> InputFiles:
    """Return the inputs of a rule, some of which are lists."""
    files: Any = InputFiles()
    for name, paths in inputs.items():
        first = len(files)
        files.extend(paths if isinstance(paths, list) else [paths])
        files._set_name(name, first, end=len(files) if isinstance(paths, list) else None)
    return files


def run(
    repository: Path, script: str, inputs: Mapping[str, Any], outputs: dict[str, str], **given: Mapping[str, Any]
) -> None:
    for path in outputs.values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    rule = SimpleNamespace(
        rule=script,
        input=input_files(inputs),
        output=OutputFiles(fromdict=outputs),
        params=Params(fromdict=given.get("params", {})),
        wildcards=Wildcards(fromdict=given.get("wildcards", {})),
        log=[str(Path(next(iter(outputs.values()))).with_suffix(".log"))],
    )
    runpy.run_path(str(repository / f"workflow_scripts/{script}.py"), init_globals={"snakemake": rule})


@pytest.fixture
def files(tmp_path: Path, sequences: pa.Table, interactions: pa.Table) -> dict[str, str]:
    """Return the paths of tables and vectors of six items."""
    folder = tmp_path / DATA
    folder.mkdir(parents=True)
    items = [{"item_id": item, "title": "T", "raw_id": "r", "metadata": "{}"} for item in range(6)]
    tables = {
        "interactions": (interactions, INTERACTIONS),
        "sequences": (sequences, SEQUENCES),
        "catalogue": (pa.Table.from_pylist(items, schema=ITEMS), ITEMS),
    }
    paths = {name: str(folder / f"{name}.parquet") for name in tables}
    for name, (table, _) in tables.items():
        write_table(table, paths[name])
    # For every sequence, the ranking is item 3, then 4, 5, 0, 1 and 2.
    vectors = {"item_embeddings": torch.tensor([[2.0], [1.0], [0.0], [5.0], [4.0], [3.0]])}
    vectors["sequence_representations"] = torch.ones(sequences.num_rows, 1)
    for name, tensor in vectors.items():
        paths[name] = str(folder / f"{name}.safetensors")
        write_tensors({name: tensor}, paths[name])
    return paths


def test_ranks_become_a_summary_and_differences(repository: Path, tmp_path: Path, files: dict[str, str]) -> None:
    params: dict[str, Any] = {"leaves_seen_out": False}
    of_baseline = str(tmp_path / "baselines/movielens/chronological/popularity/ranks.parquet")
    data = {name: files[name] for name in ("interactions", "sequences", "catalogue")}
    wildcards = {"baseline": "popularity"}
    run(repository, "rank_by_baseline", data, {"ranks": of_baseline}, params=params, wildcards=wildcards)
    of_recommender = str(tmp_path / "recommenders/movielens/chronological/sasrec/seed~1/ranks.parquet")
    wildcards = {"recommender": "sasrec"}
    run(repository, "rank_by_recommender", files, {"ranks": of_recommender}, params=params, wildcards=wildcards)
    ranks = read_table(of_recommender, RANKS).to_pylist()
    assert [row["rank"] for row in ranks if row["split"] == "test"] == [1.0, 2.0, 1.0, 1.0]  # items 3, 4, 3, 3

    inputs = {"ranks": [of_baseline, of_recommender], "sequences": [files["sequences"]]}
    outputs = {name: str(tmp_path / f"tables/{name}.parquet") for name in ("summary", "differences")}
    params = {"reference": "sasrec", "intervals": {"confidence": 0.95, "samples": 100, "seed": 0}}
    run(repository, "collect_rankings", inputs, outputs, params=params)
    summary = read_table(outputs["summary"], RANKING_SUMMARY).to_pylist()
    (mrr,) = [row for row in summary if (row["method"], row["split"], row["metric"]) == ("sasrec", "test", "mrr")]
    assert (mrr["value"], mrr["n"], mrr["covers"]) == (3.5 / 4, 4, "users, one training")
    assert read_table(outputs["differences"], DIFFERENCES)["second"].to_pylist() == ["popularity"] * 2


def test_items_that_were_had_are_left_out(repository: Path, tmp_path: Path, files: dict[str, str]) -> None:
    ranks = str(tmp_path / "recommenders/movielens/chronological/sasrec/seed~1/ranks.parquet")
    params, wildcards = {"leaves_seen_out": True}, {"recommender": "sasrec"}
    run(repository, "rank_by_recommender", files, {"ranks": ranks}, params=params, wildcards=wildcards)
    rows = [row for row in read_table(ranks, RANKS).to_pylist() if row["split"] == "test"]
    assert [row["ranked_items"] for row in rows] == [3, 2, 4, 3]
