"""Results of a sweep on one data set: each cell with its interval, and the reference compared with every other cell."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ilora.configuration.sweep_cells import SweepCell
from ilora.evaluation.improvement import estimate_improvement
from ilora.evaluation.intervals import Estimate, IntervalSettings, Ratio, estimate, estimate_difference
from ilora.evaluation.metrics import SPLITS, ratios
from ilora.evaluation.schemas import SWEEP
from ilora.evaluation.variation import covered
from ilora.layout import Run
from ilora.predictions.choices import Titles

#: The metrics that cells are compared by, where available.
COMPARED = ("hit_ratio@1", "hit_ratio@1_likelihood", "valid_ratio")

_Ratios = dict[tuple[str, str], Ratio]


def measure_sweep(
    sweep: str,
    parameter: str,
    cells: Sequence[SweepCell],
    predictions: Mapping[Run, pa.Table],
    titles: Titles,
    settings: IntervalSettings,
) -> pa.Table:
    """Return a table of the schema SWEEP for one data set, protocol and backbone.

    Args:
        sweep: name of the sweep.
        parameter: the parameter that it varies.
        cells: the cells of the data set, including the reference.
        predictions: tables of the PREDICTIONS schema, by run: every seed of every cell.
        titles: the title of each item, by item id.
        settings: how intervals are computed.

    Raises:
        ValueError: a cell has no run, two cells have different seeds, or the runs have different users.
    """
    runs = runs_of_cells(cells, predictions)
    measured = {run: ratios(predictions[run], titles) for group in runs.values() for run in group}
    reference = [measured[run] for cell in cells if cell.is_reference for run in runs[cell]]
    rows = []
    for cell, of_cell in runs.items():
        own = [measured[run] for run in of_cell]
        constants = {
            **cell_labels(sweep, parameter, cell, of_cell),
            "draws": len(predictions[of_cell[0]]["draw"].unique()),
            "confidence": settings.confidence,
        }
        for split in SPLITS:
            for metric in (name for name in COMPARED if (split, name) in own[0]):
                compared = {} if cell.is_reference else _compare(reference, own, (split, metric), settings)
                row = {"split": split, "metric": metric, **_measure(own, (split, metric), settings), **compared}
                rows.append(constants | row)
    return pa.Table.from_pylist(rows, schema=SWEEP)


def runs_of_cells(cells: Sequence[SweepCell], runs: Mapping[Run, object]) -> dict[SweepCell, list[Run]]:
    """Return the runs of each cell, sorted by seed and then by step.

    Raises:
        ValueError: a cell has no run, or two cells have different seeds.
    """
    grouped = {
        cell: sorted(
            (
                run
                for run in runs
                if (run.dataset, run.method, run.variant) == (cell.dataset, cell.method, cell.variant)
            ),
            key=lambda run: (run.seed, math.inf if run.step is None else run.step),
        )
        for cell in cells
    }
    seeds = {cell: sorted({run.seed for run in group}) for cell, group in grouped.items()}
    for cell, found in seeds.items():
        if not found or found != seeds[cells[0]]:
            raise ValueError(
                f"{cell.method}, {cell.variant}: found runs with the seeds {found}, expected {seeds[cells[0]]} as in "
                f"{cells[0].variant}. Only cells with the same seeds can be compared."
            )
    return grouped


def cell_labels(sweep: str, parameter: str, cell: SweepCell, runs: Sequence[Run]) -> dict[str, Any]:
    """Return the columns CELL_COLUMNS of a cell with the given runs."""
    return {
        "sweep": sweep,
        "dataset": cell.dataset,
        "protocol": runs[0].protocol,
        "backbone": runs[0].backbone,
        "method": cell.method,
        "parameter": parameter,
        "setting": cell.setting,
        "variant": cell.variant,
        "is_reference": cell.is_reference,
        "seeds": len({run.seed for run in runs}),
        "covers": covered(runs),
    }


def _measure(
    runs: Sequence[_Ratios], key: tuple[str, str], settings: IntervalSettings
) -> dict[str, float | int | None]:
    values = [run[key].value for run in runs]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {**vars(estimate([run[key] for run in runs], settings)), "sd": spread}


def _compare(
    reference: Sequence[_Ratios], other: Sequence[_Ratios], key: tuple[str, str], settings: IntervalSettings
) -> dict[str, float | None]:
    sides = [run[key] for run in reference], [run[key] for run in other]
    estimates = {
        "difference": estimate_difference(*sides, settings),
        "improvement": estimate_improvement(*sides, settings),
    }
    return {column: value for name, found in estimates.items() for column, value in _columns(name, found).items()}


def _columns(name: str, found: Estimate) -> dict[str, float | None]:
    ends = {"": found.value, "_low": found.low, "_high": found.high}
    return {f"{name}{end}": value if math.isfinite(value) else None for end, value in ends.items()}
