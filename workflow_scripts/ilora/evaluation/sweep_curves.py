"""HitRatio@1 over the course of fine-tuning, for every cell of a sweep, from the answers of its snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ilora.configuration.sweep_cells import SweepCell
from ilora.evaluation.intervals import IntervalSettings, estimate
from ilora.evaluation.metrics import SPLITS, hit_ratio, split_rows
from ilora.evaluation.schemas import SWEEP_CURVES
from ilora.evaluation.sweeps import cell_labels, runs_of_cells
from ilora.layout import Run


@dataclass(frozen=True)
class TrainingLength:
    """Length of a fine-tuning: its last optimizer step, and the steps per pass over the training sequences."""

    last_step: int
    steps_per_epoch: float


def measure_curves(
    sweep: str,
    parameter: str,
    cells: Sequence[SweepCell],
    lengths: Mapping[SweepCell, TrainingLength],
    predictions: Mapping[Run, pa.Table],
    settings: IntervalSettings,
) -> pa.Table:
    """Return a table of the schema SWEEP_CURVES for one data set, protocol and backbone.

    Args:
        sweep: name of the sweep.
        parameter: the parameter that it varies.
        cells: the cells of the data set.
        lengths: length of the fine-tuning of each cell.
        predictions: tables of the PREDICTIONS schema, by run: every seed of every snapshot and of the final adapter of
            each cell, all on the same candidate draws.
        settings: how intervals are computed.

    Raises:
        ValueError: a cell has no run, two cells have different seeds, or the runs have different users.
    """
    rows = []
    for cell, runs in runs_of_cells(cells, predictions).items():
        length = lengths[cell]
        labels = cell_labels(sweep, parameter, cell, runs) | {
            "draws": len(predictions[runs[0]]["draw"].unique()),
            "confidence": settings.confidence,
        }
        for step in dict.fromkeys(run.step for run in runs):
            tables = [predictions[run] for run in runs if run.step == step]
            at = length.last_step if step is None else step
            for split in SPLITS:
                found = estimate([hit_ratio(table).of_rows(split_rows(table, split)) for table in tables], settings)
                place = {"step": at, "epoch": at / length.steps_per_epoch, "split": split}
                rows.append(labels | place | vars(found))
    return pa.Table.from_pylist(rows, schema=SWEEP_CURVES)
