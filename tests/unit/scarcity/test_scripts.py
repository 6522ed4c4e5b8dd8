"""The scripts from a raw data set to what methods come to where there is little to learn from or to answer from."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import SEQUENCES
from ilora.artifacts.tensors import read_tensor
from ilora.data.protocol_names import share_of, share_protocol, short_protocol, trained_protocol
from ilora.llm.model.inputs import read_method_inputs
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS
from ilora.scarcity.schemas import RARE_ITEMS, SCARCE_USERS, SHORT_HISTORIES

INTERVALS = {"confidence": 0.95, "samples": 50, "seed": 0}
OWN = "random_users"
DATA = {
    "interactions": "interactions",
    "catalogue": "items",
    "steps": "preparation_steps",
    "sequences": "sequences",
    "candidates": "candidates",
}
ANSWERS = {
    "item_embeddings": "item_embeddings.safetensors",
    "sequence_representations": "sequence_representations.safetensors",
    "predictions": "predictions.parquet",
}


class Scripts:
    """The scripts over one small data set."""

    def __init__(self, repository: Path, results: Path) -> None:
        self.repository, self.results = repository, results

    def run(
        self, name: str, inputs: Mapping[str, Any], outputs: dict[str, Path], params: dict[str, Any], **wildcards: str
    ) -> None:
        files = InputFiles()
        for key, paths in inputs.items():
            first = len(files)
            files.extend(map(str, paths) if isinstance(paths, list) else [str(paths)])
            files._set_name(key, first, end=len(files) if isinstance(paths, list) else None)
        rule = SimpleNamespace(
            rule=name,
            input=files,
            output=OutputFiles(fromdict={key: str(path) for key, path in outputs.items()}),
            params=Params(fromdict=params),
            wildcards=Wildcards(fromdict={"dataset": "movielens", **wildcards}),
            threads=1,
            log=[str(self.results / f"{name}.log")],
        )
        runpy.run_path(str(self.repository / f"workflow_scripts/{name}.py"), init_globals={"snakemake": rule})

    def data(self, protocol: str) -> dict[str, Path]:
        """Make the data of a protocol, unless it is there; return its files."""
        folder = self.results / "data" / "movielens" / protocol
        files = {name: folder / f"{file}.parquet" for name, file in DATA.items()}
        if folder.exists():
            return files
        raw = {
            "source": str(self.repository / "tests/workflow/small_movielens"),
            "own": None,
            "filters": {"minimum_rating": 3.0},
        }
        cut = {"split_seed": 0, "minimum_history": 3, "maximum_history": 10, "own": None}
        prepared = {name: files[name] for name in ("interactions", "catalogue")}
        self.run("prepare_interactions", {}, {**prepared, "steps": files["steps"]}, raw, protocol=protocol)
        sequences = {"sequences": files["sequences"]}
        self.run("make_sequences", {"interactions": files["interactions"]}, sequences, cut, protocol=protocol)
        whole = {"sequences": self.data(trained_protocol(protocol))["sequences"]}
        drawn = {"size": 20, "draws": 2, "seed": 0}
        candidates = {"candidates": files["candidates"]}
        self.run("draw_candidates", {**prepared, **whole}, candidates, drawn, protocol=protocol)
        return files

    def asked(self, protocol: str) -> dict[str, Path]:
        """Return what a method is asked by a protocol."""
        files = self.data(protocol)
        return {name: files[name] for name in ("catalogue", "sequences", "candidates")}

    def statistics(self) -> Path:
        """Return the statistics of all users."""
        path = self.results / "data" / "movielens" / OWN / "dataset_statistics.parquet"
        inputs = {name: self.data(OWN)[name] for name in ("interactions", "catalogue", "sequences")}
        self.run("compute_dataset_statistics", inputs, {"statistics": path}, {}, protocol=OWN)
        return path

    def popularity(self, protocol: str) -> Path:
        """Return the answers of item popularity."""
        predictions = self.results / "baselines" / "movielens" / protocol / "popularity" / "predictions.parquet"
        outputs = {"predictions": predictions}
        self.run("score_baseline", self.asked(protocol), outputs, {}, baseline="popularity", protocol=protocol)
        return predictions

    def sasrec(self, protocol: str) -> dict[str, Path]:
        """Return what SASRec leaves, trained for an epoch."""
        folder = self.results / "recommenders" / "movielens" / protocol / "sasrec" / "seed~1"
        names = {**ANSWERS, "model": "model.safetensors", "training_log": "training_log.parquet"}
        files = {name: folder / file for name, file in names.items()}
        training = {"maximum_epochs": 1, "batch_size": 8}
        params = {"architecture": {}, "training": training, "embedding_size": 8, "maximum_history": 10}
        share = {} if share_of(protocol) is None else {"statistics_of_all_users": self.statistics()}
        inputs = {**self.asked(protocol), **share}
        self.run("train_recommender", inputs, files, params, recommender="sasrec", seed="1")
        return files


def of_training(files: dict[str, Path]) -> dict[str, Path]:
    """Return what short histories are answered by."""
    return {"model": files["model"], "trained_representations": files["sequence_representations"]}


@pytest.fixture
def scripts(repository: Path, tmp_path: Path) -> Scripts:
    return Scripts(repository, tmp_path)


def test_shares_of_the_users_are_trained_on_and_measured(scripts: Scripts) -> None:
    protocols = [share_protocol(OWN, share, draw) for share, draw in ((30, 1), (30, 2), (100, 1))]
    runs = [scripts.popularity(protocol) for protocol in protocols]
    files = [scripts.data(protocol) for protocol in protocols]
    # Whatever the share, there are the same items, and the same sets to choose from.
    assert len({each["catalogue"].read_bytes() for each in files}) == 1
    hashes = [tuple(read_table(path, PREDICTIONS)["candidates_hash"].to_pylist()) for path in runs]
    assert len(set(hashes)) == 1
    table = scripts.results / "scarce_users.parquet"
    inputs = {"predictions": runs, "sequences": files[-1]["sequences"]}
    scripts.run("measure_shares", inputs, {"table": table}, {"intervals": INTERVALS})
    rows = [row for row in read_table(table, SCARCE_USERS).to_pylist() if row["metric"] == "hit_ratio@1"]
    sequences = read_table(files[-1]["sequences"], SEQUENCES)
    users = len(pc.unique(sequences.filter(pc.equal(sequences["split"], "train"))["user_id"]))
    found = [(row["share"], row["draws_of_users"], row["training_users"]) for row in rows]
    assert found == [(30, 2, -(-users * 30 // 100)), (100, 1, users)]


def test_a_share_is_trained_on_as_long_as_all_users(scripts: Scripts) -> None:
    whole, share = scripts.sasrec(OWN), scripts.sasrec(share_protocol(OWN, 30, 1))
    steps = [pq.read_table(each["training_log"])["step"][-1].as_py() for each in (whole, share)]
    trained = [
        pc.sum(pc.equal(read_table(scripts.data(protocol)["sequences"], SEQUENCES)["split"], "train")).as_py()
        for protocol in (OWN, share_protocol(OWN, 30, 1))
    ]
    passes = round(trained[0] / trained[1])
    assert passes > 1 and steps == [-(-trained[0] // 8), -(-trained[1] * passes // 8)]
    # What is made with the vectors holds them to the share's own sequences.
    asked = scripts.asked(share_protocol(OWN, 30, 1))
    read_method_inputs(
        asked["catalogue"], asked["sequences"], share["item_embeddings"], share["sequence_representations"]
    )


def test_short_histories_are_answered_by_the_training_on_whole_ones(scripts: Scripts) -> None:
    trained, short = scripts.sasrec(OWN), short_protocol(OWN, 2, 10)
    folder = scripts.results / "recommenders" / "movielens" / short / "sasrec" / "seed~1"
    answered = {name: folder / file for name, file in ANSWERS.items()}
    inputs = {**of_training(trained), **scripts.asked(short)}
    scripts.run("answer_short_histories", inputs, answered, {}, recommender="sasrec", protocol=short, seed="1")
    files = [scripts.data(protocol) for protocol in (OWN, short)]
    assert files[0]["candidates"].read_bytes() == files[1]["candidates"].read_bytes()
    assert trained["item_embeddings"].read_bytes() == answered["item_embeddings"].read_bytes()
    vectors = [
        read_tensor(each["sequence_representations"], "sequence_representations") for each in (trained, answered)
    ]
    is_training = read_table(files[0]["sequences"], SEQUENCES)["split"].to_numpy() == "train"
    assert vectors[0].shape == vectors[1].shape and (vectors[0] == vectors[1])[is_training].all()
    assert ((vectors[0] - vectors[1]).abs().amax(dim=1)[~is_training] > 1e-3).any()
    predictions = read_table(answered["predictions"], PREDICTIONS)
    check_predictions(predictions, "short")
    assert set(pc.list_value_length(predictions["history"]).to_pylist()) == {2}

    table = scripts.results / "short_histories.parquet"
    runs = [each["predictions"] for each in (trained, answered)]
    scripts.run("measure_histories", {"predictions": runs}, {"table": table}, {"longest": 10, "intervals": INTERVALS})
    rows = [row for row in read_table(table, SHORT_HISTORIES).to_pylist() if row["metric"] == "hit_ratio@1"]
    assert [(row["length"], row["difference"] is None) for row in rows] == [(2, False), (10, True)]


def test_whole_histories_are_answered_as_in_training(scripts: Scripts) -> None:
    """Nothing is cut where the length is the longest: the same vectors, computed again, choose the same."""
    trained = scripts.sasrec(OWN)
    answered = {name: scripts.results / "answered" / file for name, file in ANSWERS.items()}
    inputs = {**of_training(trained), **scripts.asked(OWN)}
    scripts.run("answer_short_histories", inputs, answered, {}, recommender="sasrec")
    chosen = [read_table(each["predictions"], PREDICTIONS)["choice"].to_pylist() for each in (trained, answered)]
    assert chosen[0] == chosen[1]


def test_a_recommender_of_other_data_is_refused(scripts: Scripts) -> None:
    trained, asked = scripts.sasrec(OWN), scripts.asked(short_protocol(OWN, 2, 10))
    fewer = scripts.results / "items.parquet"
    pq.write_table(pq.read_table(asked["catalogue"]).slice(1), fewer)
    answered = {name: scripts.results / "answered" / file for name, file in ANSWERS.items()}
    with pytest.raises(ValueError, match="found a recommender of 90 items, expected the 89 of"):
        inputs = {**of_training(trained), **asked, "catalogue": fewer}
        scripts.run("answer_short_histories", inputs, answered, {}, recommender="sasrec")
    share = scripts.sasrec(share_protocol(OWN, 30, 1))
    with pytest.raises(ValueError, match=r"found vectors of \d+ sequences with whole histories, expected the \d+ of"):
        scripts.run("answer_short_histories", {**of_training(share), **asked}, answered, {}, recommender="sasrec")
    assert not (scripts.results / "answered").exists()


def test_targets_are_grouped_by_how_often_they_were_trained_on(scripts: Scripts) -> None:
    runs, files = [scripts.popularity(OWN)], scripts.data(OWN)
    table = scripts.results / "rare_items.parquet"
    inputs = {"predictions": runs, "sequences": files["sequences"], "catalogue": files["catalogue"]}
    scripts.run("measure_items", inputs, {"table": table}, {"floors": (0, 1, 5, 20), "intervals": INTERVALS})
    rows = [row for row in read_table(table, RARE_ITEMS).to_pylist() if row["metric"] == "hit_ratio@1"]
    assert [row["group"] for row in rows] == ["0", "1 to 4", "5 to 19", "20 or more"]
    tested = len(set(read_table(runs[0], PREDICTIONS).filter(pc.field("split") == "test")["user_id"].to_pylist()))
    assert sum(row["users"] for row in rows) == tested
