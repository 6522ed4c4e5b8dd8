"""A record is compared with the way in which its artifact would be made now."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from ilora.artifacts.agreement import Recipe, changes, other_inputs, record_of
from ilora.artifacts.provenance import provenance
from ilora.artifacts.records import Record
from ilora.artifacts.writing import record_path

WILDCARDS = {"dataset": "books"}
PARAMS = {"code": "a" * 64, "training": {"epochs": 1, "seeds": [1]}, "folder": "results/finetune/books"}
DATA, TABLE = Path("results/data/books/items.parquet"), Path("results/llm/books/metrics.parquet")


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results with two artifacts, one made from the other."""
    monkeypatch.chdir(tmp_path)
    write(DATA, "items")
    provenance("prepare").record(DATA)
    made = provenance("measure", wildcards=WILDCARDS, params=PARAMS, inputs=[DATA])
    write(TABLE, "metrics")
    made.record(TABLE)
    return tmp_path / "results"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def record(path: Path = TABLE) -> Record:
    found = record_of(path)
    assert found is not None
    return found


def found(
    params: Mapping[str, object] = PARAMS,
    wildcards: Mapping[str, str] = WILDCARDS,
    inputs: tuple[str, ...] = (str(DATA),),
) -> list[str]:
    return [str(change) for change in changes(record(), Recipe(wildcards, params, inputs))]


def test_what_would_be_made_alike_has_no_change() -> None:
    assert found() == []


def test_a_change_is_named_with_both_values() -> None:
    training = {"epochs": 3, "seeds": [1, 2]}
    assert found({**PARAMS, "training": training}) == [
        "training.epochs: made with 1, now 3",
        "training.seeds: made with [1], now [1, 2]",
    ]
    assert found({**PARAMS, "draws": 10}) == ["draws: made with none, now 10"]
    assert found({"code": PARAMS["code"], "folder": PARAMS["folder"]}) == [
        f"training: made with {PARAMS['training']}, now none"
    ]


def test_values_that_change_places_are_a_change() -> None:
    """Snakemake's metadata has values without names, and does not distinguish these."""
    made = provenance("measure", params={"layers": 1, "heads": 2}, inputs=[DATA])
    made.record(TABLE)
    swapped = Recipe({}, {"layers": 2, "heads": 1}, (str(DATA),))
    assert len(changes(record(), swapped)) == 2


def test_an_artifact_in_the_place_of_another_is_a_change() -> None:
    assert found(wildcards={"dataset": "films"}) == ["dataset: made with books, now films"]


def test_inputs_that_come_or_go_are_changes() -> None:
    assert found(inputs=()) == ["input: made with results/data/books/items.parquet, now none"]
    assert found(inputs=(str(DATA), "raw/titles.txt")) == ["input: made with none, now raw/titles.txt"]


def test_moved_results_agree(results: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "out"
    moved.parent.mkdir()
    results.rename(moved)
    for root in (moved, Path(os.path.relpath(moved))):
        recipe = Recipe(
            WILDCARDS,
            {**PARAMS, "folder": f"{root}/finetune/books"},
            (f"{root}/data/books/items.parquet",),
        )
        assert changes(record(root / "llm/books/metrics.parquet"), recipe) == []


def test_code_counts_as_that_for_which_an_artifact_was_accepted() -> None:
    content = json.loads(record_path(TABLE).read_text())
    content["accepted"] = [{"code": PARAMS["code"], "for": "b" * 64}]
    record_path(TABLE).write_text(json.dumps(content))
    assert found({**PARAMS, "code": "b" * 64}) == []
    assert found() == [f"code: made with {'b' * 64}, now {'a' * 64}"]


def test_an_input_that_was_made_anew_is_another() -> None:
    assert other_inputs(record()) == []
    write(DATA, "other items")
    provenance("prepare").record(DATA)
    assert other_inputs(record()) == [str(DATA)]


def test_a_file_that_came_into_a_recorded_folder_later_has_no_record() -> None:
    folder = Path("results/finetune/books/adapter")
    write(folder / "weights", "weights")
    provenance("tune").record(folder)
    write(folder / "README.md", "card")
    assert record_of(folder / "weights") is not None
    assert record_of(folder / "README.md") is None
