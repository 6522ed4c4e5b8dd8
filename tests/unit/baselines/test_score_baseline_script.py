"""The script that scores baselines, run as by its rule."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS

TABLES = {
    "catalogue": (
        ITEMS,
        [{"item_id": item, "title": "T", "raw_id": "r", "metadata": "{}"} for item in range(6)],
    ),
    "sequences": (
        SEQUENCES,
        [
            dict(zip(SEQUENCES.names, (0, "train", 0, "u0", 2, [0, 1], 2), strict=True)),
            dict(zip(SEQUENCES.names, (1, "train", 1, "u1", 2, [3, 5], 3), strict=True)),
            dict(zip(SEQUENCES.names, (2, "val", 2, "u2", 2, [4, 1], 0), strict=True)),
            dict(zip(SEQUENCES.names, (3, "test", 3, "u3", 2, [2, 5], 4), strict=True)),
        ],
    ),
    "candidates": (
        CANDIDATES,
        [
            {"sequence_id": 2, "draw": 0, "candidates": [0, 3, 2], "hash": "a"},
            {"sequence_id": 3, "draw": 0, "candidates": [4, 3, 0], "hash": "b"},
        ],
    ),
}


@pytest.mark.parametrize(("baseline", "choices"), [("popularity", [3, 3]), ("markov", [2, 3])])
def test_predictions(repository: Path, tmp_path: Path, baseline: str, choices: list[int]) -> None:
    inputs = {name: str(tmp_path / f"{name}.parquet") for name in TABLES}
    for name, (schema, rows) in TABLES.items():
        write_table(pa.Table.from_pylist(rows, schema=schema), inputs[name])
    rule = SimpleNamespace(
        rule="score_baseline",
        input=InputFiles(fromdict=inputs),
        output=OutputFiles(fromdict={"predictions": str(tmp_path / "predictions.parquet")}),
        params=Params(),
        wildcards=Wildcards(fromdict={"baseline": baseline}),
        log=[str(tmp_path / "log.txt")],
    )

    runpy.run_path(str(repository / "workflow_scripts/score_baseline.py"), init_globals={"snakemake": rule})

    predictions = read_table(tmp_path / "predictions.parquet", PREDICTIONS)
    check_predictions(predictions, baseline)
    assert predictions["choice"].to_pylist() == choices
    assert predictions["method"].to_pylist() == [baseline] * 2
