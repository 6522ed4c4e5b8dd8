"""The scripts that search the L2 and train with the chosen value, run as by their rules."""

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import CANDIDATES, SEQUENCES
from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.recommenders.weight_decay import WEIGHT_DECAYS

VALUES = (0.0, 0.3)
OUTPUTS = ("model", "item_embeddings", "sequence_representations", "predictions", "training_log")

Run = Callable[..., Path]


def sets_of(ring: Any, split: str) -> pa.Table:
    """Return the candidate sets of one split."""
    of_split = ring.sequences.filter(pc.equal(ring.sequences["split"], split))
    return ring.candidates.filter(pc.is_in(ring.candidates["sequence_id"], of_split["sequence_id"]))


def input_files(inputs: Mapping[str, Any]) -> InputFiles:
    """Return the inputs as Snakemake passes them: a flat list, with a name for each file or list of files."""
    files = InputFiles()
    for name, named in inputs.items():
        begin = len(files)
        files.extend(named if isinstance(named, list) else [named])
        files._set_name(name, begin, end=len(files) if isinstance(named, list) else None)
    return files


@pytest.fixture
def tables(ring: Any) -> dict[str, pa.Table]:
    return {"catalogue": ring.items, "sequences": ring.sequences, "candidates": ring.candidates}


@pytest.fixture
def run(repository: Path, settings: Any, tmp_path: Path) -> Run:
    def run_script(
        script: str,
        folder: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, str],
        wildcards: Mapping[str, str],
        **params: Any,
    ) -> Path:
        rule = SimpleNamespace(
            rule=script,
            input=input_files(inputs),
            output=OutputFiles(fromdict={name: str(tmp_path / folder / file) for name, file in outputs.items()}),
            params=Params(fromdict=params),
            wildcards=Wildcards(fromdict={"recommender": "sasrec", **wildcards}),
            log=[str(tmp_path / folder / "log.txt")],
            threads=torch.get_num_threads(),
        )
        runpy.run_path(str(repository / f"workflow_scripts/{script}.py"), init_globals={"snakemake": rule})
        return tmp_path / folder

    return run_script


@pytest.fixture
def training(settings: Any) -> dict[str, Any]:
    values = {**settings.plain(), "maximum_epochs": 3}
    values.pop("weight_decay", None)
    return values


@pytest.fixture
def validate(run: Run, ring: Any, training: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    def validate_one(folder: str, tables: Mapping[str, pa.Table], weight_decay: float) -> Path:
        inputs = {name: str(tmp_path / folder / f"{name}.parquet") for name in tables}
        for name, table in tables.items():
            write_table(table, inputs[name])
        made = run(
            "validate_weight_decay",
            folder,
            inputs,
            {"training_log": "training_log.parquet"},
            {"weight_decay": str(weight_decay), "seed": "1"},
            architecture=SASRecSection(feed_forward_size=32).plain(),
            training=training,
            embedding_size=8,
            maximum_history=ring.maximum_history,
        )
        return made / "training_log.parquet"

    return validate_one


def test_nothing_of_the_test_users_is_seen(
    validate: Callable[..., Path], tables: dict[str, pa.Table], ring: Any
) -> None:
    log = validate("all", tables, 0.0)
    rows = ring.sequences.to_pylist()
    for row in rows:
        if row["split"] == "test":
            # It would be refused if it were read.
            row["history"], row["target"] = [10**6], 10**6
    changed = {
        **tables,
        "sequences": pa.Table.from_pylist(rows, schema=SEQUENCES),
        "candidates": pa.concat_tables([sets_of(ring, "val"), sets_of(ring, "test").slice(0, 1)]).cast(CANDIDATES),
    }
    assert validate("changed", changed, 0.0).read_bytes() == log.read_bytes()


def test_the_value_reaches_the_optimizer(validate: Callable[..., Path], tables: dict[str, pa.Table]) -> None:
    without, much = (validate(f"of {value}", tables, value) for value in VALUES)
    losses = [read_table(path)["loss"].to_pylist() for path in (without, much)]
    assert losses[0] != losses[1]
    record = json.loads(much.with_name("training_log.parquet.provenance.json").read_text(encoding="utf-8"))
    assert record["config"]["training"]["weight_decay"] == 0.3


def test_the_recommender_is_trained_with_the_choice(
    run: Run,
    validate: Callable[..., Path],
    tables: dict[str, pa.Table],
    training: dict[str, Any],
    ring: Any,
    tmp_path: Path,
) -> None:
    logs = [validate(f"of {value}", tables, value) for value in VALUES]
    folder = run(
        "choose_weight_decay",
        "choice",
        {"training_logs": list(map(str, logs))},
        {"weight_decays": "weight_decays.parquet"},
        {},
        values=list(VALUES),
    )
    choice = read_table(folder / "weight_decays.parquet", WEIGHT_DECAYS)
    assert choice["is_chosen"].to_pylist() == [True, False]
    assert choice["validation_hit_ratio@1"].to_pylist() == [
        pc.max(read_table(path)["validation_hit_ratio@1"]).as_py() for path in logs
    ]

    inputs = {name: str(tmp_path / "of 0.0" / f"{name}.parquet") for name in tables}
    files = {name: f"{name}.file" for name in OUTPUTS}
    common: dict[str, Any] = {
        "architecture": SASRecSection(feed_forward_size=32).plain(),
        "embedding_size": 8,
        "maximum_history": ring.maximum_history,
    }
    searched = {**inputs, "weight_decay": str(folder / "weight_decays.parquet")}
    by_search = run("train_recommender", "searched", searched, files, {"seed": "1"}, training=training, **common)
    named = {**training, "weight_decay": 0.0}
    by_name = run("train_recommender", "named", inputs, files, {"seed": "1"}, training=named, **common)
    for file in files.values():
        assert (by_search / file).read_bytes() == (by_name / file).read_bytes()
    record = json.loads((by_search / "model.file.provenance.json").read_text(encoding="utf-8"))
    assert record["config"]["training"]["weight_decay"] == 0.0
    assert (by_search / "training_log.file").read_bytes() == logs[0].read_bytes()
