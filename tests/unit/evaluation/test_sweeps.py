from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from ilora.configuration.sweep_cells import SweepCell
from ilora.data.candidates import first_draws
from ilora.evaluation.intervals import IntervalSettings, estimate
from ilora.evaluation.metrics import ratios
from ilora.evaluation.schemas import SWEEP
from ilora.evaluation.sweep_curves import TrainingLength, measure_curves
from ilora.evaluation.sweeps import COMPARED, measure_sweep
from ilora.layout import Run

PredictionsMaker = Callable[..., pa.Table]

SETTINGS = IntervalSettings(samples=200)
CELLS = [
    SweepCell("movielens", "ilora", "2", "experts~2", False),
    SweepCell("movielens", "ilora", "4", "default", True),
    SweepCell("movielens", "llara", None, "default", False),
]
ACCURACY = {"experts~2": 0.3, "default": 0.7}


def answers(make: PredictionsMaker, cell: SweepCell, seed: int) -> pa.Table:
    table = make(cell.method, users=60, accuracy=ACCURACY[cell.variant], seed=seed)
    texts = pa.array([f"Item {choice}" for choice in table["choice"].to_pylist()])
    return table.set_column(table.schema.get_field_index("text"), table.schema.field("text"), texts)


def run(cell: SweepCell, seed: int, step: int | None = None) -> Run:
    return Run("movielens", "random_users", cell.method, "embedded", cell.variant, seed, step)


@pytest.fixture
def predictions(make_predictions: PredictionsMaker) -> dict[Run, pa.Table]:
    return {run(cell, seed): answers(make_predictions, cell, seed) for cell in CELLS for seed in (1, 2)}


def rows_of(table: pa.Table, split: str, metric: str) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if (row["split"], row["metric"]) == (split, metric)]


def test_a_cell_is_the_mean_over_seeds(predictions: dict[Run, pa.Table], titles: list[str]) -> None:
    table = measure_sweep("experts", "experts", CELLS, predictions, titles, SETTINGS)
    assert table.schema == SWEEP
    assert table.num_rows == len(CELLS) * 3 * len(COMPARED)
    first = rows_of(table, "test", "hit_ratio@1")[0]
    expected = estimate(
        [ratios(predictions[run(CELLS[0], seed)], titles)["test", "hit_ratio@1"] for seed in (1, 2)], SETTINGS
    )
    assert (first["value"], first["low"], first["high"]) == (expected.value, expected.low, expected.high)
    assert (first["seeds"], first["n"], first["draws"], first["sweep"]) == (2, 30, 2, "experts")


def test_the_reference_is_compared_with_every_other_cell(predictions: dict[Run, pa.Table], titles: list[str]) -> None:
    table = measure_sweep("experts", "experts", CELLS, predictions, titles, SETTINGS)
    two, four, uniform = rows_of(table, "val_test", "hit_ratio@1")
    assert (four["difference"], four["improvement"], four["is_reference"]) == (None, None, True)
    assert two["difference"] == pytest.approx(four["value"] - two["value"])
    assert two["improvement"] == pytest.approx(100 * (four["value"] / two["value"] - 1))
    for comparison in ("difference", "improvement"):
        assert two[f"{comparison}_low"] < two[comparison] < two[f"{comparison}_high"]
    assert {row["covers"] for row in table.to_pylist()} == {"users and trainings"}
    assert uniform["setting"] is None and uniform["difference"] == pytest.approx(0.0)


def test_runs_of_other_cells_do_not_count(predictions: dict[Run, pa.Table], titles: list[str]) -> None:
    two = CELLS[:2]
    fewer = {one: table for one, table in predictions.items() if one.method == "ilora"}
    alone, beside = (measure_sweep("x", "experts", two, tables, titles, SETTINGS) for tables in (fewer, predictions))
    assert alone.equals(beside)


@pytest.mark.parametrize("missing", [[2], [1, 2]])
def test_cells_with_other_seeds_are_refused(
    predictions: dict[Run, pa.Table], titles: list[str], missing: Sequence[int]
) -> None:
    for seed in missing:
        del predictions[run(CELLS[2], seed)]
    with pytest.raises(ValueError, match=r"llara, default: found runs with the seeds .*, expected \[1, 2\]"):
        measure_sweep("experts", "experts", CELLS, predictions, titles, SETTINGS)


def test_curves_end_with_the_last_step(make_predictions: PredictionsMaker) -> None:
    tables = {
        run(cell, seed, step): first_draws(answers(make_predictions, cell, 10 * seed + (step or 0)), 1)
        for cell in CELLS
        for seed in (1, 2)
        for step in (50, 100, None)
    }
    lengths = dict.fromkeys(CELLS, TrainingLength(last_step=250, steps_per_epoch=100.0))
    curves = measure_curves("experts", "experts", CELLS, lengths, tables, SETTINGS)
    rows = [row for row in curves.to_pylist() if row["split"] == "test" and row["setting"] == "2"]
    assert [(row["step"], row["epoch"]) for row in rows] == [(50, 0.5), (100, 1.0), (250, 2.5)]
    assert {(row["draws"], row["seeds"], row["n"]) for row in rows} == {(1, 2, 30)}
    last = [tables[run(CELLS[0], seed)] for seed in (1, 2)]
    hits = [sum(t == c for t, c in zip(x["target"].to_pylist(), x["choice"].to_pylist(), strict=True)) for x in last]
    both = [row for row in curves.to_pylist() if row["split"] == "val_test" and row["setting"] == "2"]
    assert both[-1]["value"] == pytest.approx(sum(hits) / 120)
