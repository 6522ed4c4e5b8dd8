"""The scripts from interactions to HitRatio@1 on one split after another, as the rules run them."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import INTERACTIONS, ITEMS
from ilora.random_splits.hits import SPLIT_HITS
from ilora.random_splits.splitting import OWN, split_name

USERS, NUMBER_OF_ITEMS = 20, 30
DATA = {
    "split_seed": 0,
    "minimum_history": 3,
    "maximum_history": 5,
    "candidates": 10,
    "draws": 2,
    "candidate_seed": 0,
}
TINY_SASREC = {
    "architecture": {"layers": 1, "heads": 1, "feed_forward_size": 4},
    "training": {"maximum_epochs": 1, "evaluations_per_epoch": 1},
    "embedding_size": 4,
}


def input_files(inputs: dict[str, Any]) -> InputFiles:
    """Return the inputs of a rule, some of which are lists."""
    files = InputFiles()
    for name, paths in inputs.items():
        first = len(files)
        files.extend(paths if isinstance(paths, list) else [paths])
        files._set_name(name, first, end=len(files) if isinstance(paths, list) else None)
    return files


class Scripts:
    """The scripts on one small data set."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        interactions = [
            {"user_id": user, "item_id": item, "timestamp": n, "raw_user_id": f"u{user}", "raw_item_id": str(item)}
            for user in range(USERS)
            for n, item in enumerate((7 * user + 11 * place) % NUMBER_OF_ITEMS for place in range(6))
        ]
        items = [
            {"item_id": item, "title": f"Title {item}", "raw_id": str(item), "metadata": "{}"}
            for item in range(NUMBER_OF_ITEMS)
        ]
        self.tables = {"interactions": str(folder / "interactions.parquet"), "catalogue": str(folder / "items.parquet")}
        write_table(pa.Table.from_pylist(interactions, schema=INTERACTIONS), self.tables["interactions"])
        write_table(pa.Table.from_pylist(items, schema=ITEMS), self.tables["catalogue"])

    def run(self, name: str, inputs: dict[str, Any], output: str, params: dict[str, Any], **wildcards: str) -> Path:
        path = self.folder / f"{name}.parquet"
        rule = SimpleNamespace(
            rule=name,
            input=input_files(inputs),
            output=OutputFiles(fromdict={output: str(path)}),
            params=Params(fromdict=params),
            wildcards=Wildcards(fromdict={"dataset": "books", "protocol": "random_users", **wildcards}),
            threads=1,
            log=[str(self.folder / f"{name}.log")],
        )
        runpy.run_path(str(self.repository / f"workflow_scripts/{name}.py"), init_globals={"snakemake": rule})
        return path


@pytest.fixture
def scripts(repository: Path, tmp_path: Path) -> Scripts:
    return Scripts(repository, tmp_path)


def test_a_baseline_is_measured_on_every_split(scripts: Scripts) -> None:
    users = [OWN, split_name(0), split_name(1)]
    params = {"own": None, "users": users, "settings": DATA}
    made = scripts.run("score_random_splits", scripts.tables, "hits", params, baseline="popularity")
    rows = read_table(made, SPLIT_HITS).to_pylist()
    assert [row["users"] for row in rows] == users
    assert {(row["method"], row["dataset"], row["protocol"], row["test_users"]) for row in rows} == {
        ("popularity", "books", "random_users", 2)
    }
    assert rows[0]["hit_ratio@1"] == rows[1]["hit_ratio@1"]  # the study's own split is that of seed 0

    together = scripts.run("collect_random_splits", {"hits": [str(made), str(made)]}, "table", {})
    assert read_table(together, SPLIT_HITS).to_pylist() == [*rows, *rows]


def test_a_recommender_is_trained_on_a_split(scripts: Scripts) -> None:
    params = {"own": None, "settings": DATA, **TINY_SASREC}
    wildcards = {"recommender": "sasrec", "seed": "1", "users": split_name(1)}
    made = scripts.run("train_on_random_split", scripts.tables, "hits", params, **wildcards)
    (row,) = read_table(made, SPLIT_HITS).to_pylist()
    assert (row["method"], row["users"], row["test_users"]) == ("sasrec", split_name(1), 2)
    assert row["hit_ratio@1"] in (0.0, 0.25, 0.5, 0.75, 1.0)
