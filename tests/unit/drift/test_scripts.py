"""The scripts from raw data to metrics at every gap and in every period, as the rules run them."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table
from ilora.data.periods import PERIODS
from ilora.data.protocol_names import gap_protocol, rolling_protocol
from ilora.data.statistics import DATASET_STATISTICS
from ilora.drift.schemas import GAP_DRIFT, PERIOD_DRIFT

INTERVALS = {"confidence": 0.95, "samples": 50, "seed": 0}


class Scripts:
    """The scripts on one small data set."""

    def __init__(self, repository: Path, results: Path) -> None:
        self.repository, self.results = repository, results
        self.raw = {
            "source": str(repository / "tests/workflow/small_movielens"),
            "own": None,
            "filters": {"minimum_rating": 3.0},
        }

    def run(
        self, name: str, inputs: dict[str, Any], outputs: dict[str, Path], params: dict[str, Any], **wildcards: str
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

    def predictions(self, protocol: str, periods: dict[str, Path]) -> Path:
        """Make everything from the raw data to the answers of item popularity; return their paths."""
        folder = self.results / "data" / "movielens" / protocol
        names = {
            "interactions": "interactions",
            "catalogue": "items",
            "steps": "preparation_steps",
            "sequences": "sequences",
            "candidates": "candidates",
            "statistics": "dataset_statistics",
        }
        files = {name: folder / f"{file}.parquet" for name, file in names.items()}
        predictions = self.results / "baselines" / "movielens" / protocol / "popularity" / "predictions.parquet"

        def chosen(*keys: str) -> dict[str, Path]:
            return {key: files[key] for key in keys}

        cut = {"split_seed": 0, "minimum_history": 3, "maximum_history": 10, "own": None}
        drawn = {"size": 20, "draws": 2, "seed": 0}
        interactions, catalogue = chosen("interactions"), chosen("catalogue")
        sequences, candidates = chosen("sequences"), chosen("candidates")
        prepared, data = {**interactions, **catalogue}, {**interactions, **catalogue, **sequences}
        steps: tuple[tuple[str, dict[str, Path], dict[str, Path], dict[str, Any], dict[str, str]], ...] = (
            ("prepare_interactions", periods, {**prepared, **chosen("steps")}, self.raw, {}),
            ("make_sequences", {**periods, **interactions}, sequences, cut, {}),
            ("draw_candidates", data, candidates, drawn, {}),
            ("compute_dataset_statistics", {**periods, **data}, chosen("statistics"), {}, {}),
            (
                "score_baseline",
                {**catalogue, **sequences, **candidates},
                {"predictions": predictions},
                {},
                {"baseline": "popularity"},
            ),
        )
        for name, inputs, outputs, params, wildcards in steps:
            self.run(name, inputs, outputs, params, protocol=protocol, **wildcards)
        return predictions


@pytest.fixture
def scripts(repository: Path, tmp_path: Path) -> Scripts:
    return Scripts(repository, tmp_path)


def test_periods_are_cut_trained_before_and_measured(scripts: Scripts) -> None:
    periods, table = scripts.results / "periods~2.parquet", scripts.results / "period_drift.parquet"
    scripts.run("cut_periods", {}, {"periods": periods}, {**scripts.raw, "first_training": 0.5}, periods="2")
    begins = read_table(periods, PERIODS)["begins"].to_pylist()
    runs = [scripts.predictions(rolling_protocol(period, 2), {"periods": periods}) for period in (1, 2)]
    scripts.run("measure_periods", {"predictions": runs}, {"table": table}, {"intervals": INTERVALS})
    rows = [row for row in read_table(table, PERIOD_DRIFT).to_pylist() if row["metric"] == "hit_ratio@1"]
    assert [(row["period"], row["trained_before"]) for row in rows] == [(1, 1), (2, 1), (2, 2)]
    assert begins == sorted(begins) and all(0 <= row["value"] <= 1 for row in rows)
    # The statistics of the first period cover its half of the interactions.
    first, second = (
        {row["statistic"]: row["value"] for row in read_table(path, DATASET_STATISTICS).to_pylist()}
        for path in (
            scripts.results / "data" / "movielens" / rolling_protocol(period, 2) / "dataset_statistics.parquet"
            for period in (1, 2)
        )
    )
    assert first["items"] == second["items"] and first["interactions"] < second["interactions"]


def test_items_are_withheld_and_measured(scripts: Scripts) -> None:
    table = scripts.results / "gap_drift.parquet"
    runs = [scripts.predictions(gap_protocol(gap), {}) for gap in (0, 2)]
    scripts.run("measure_gaps", {"predictions": runs}, {"table": table}, {"intervals": INTERVALS})
    rows = [row for row in read_table(table, GAP_DRIFT).to_pylist() if row["metric"] == "hit_ratio@1"]
    assert [row["gap"] for row in rows] == [0, 2]
    assert {row["users"] for row in rows} == {rows[0]["users"]} and rows[0]["users"] > 30
