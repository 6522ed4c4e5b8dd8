"""Measure HitRatio@1 over the fine-tuning of every cell of a sweep on one data set."""

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import CANDIDATES, SEQUENCES
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sweep_cells import SweepCell
from ilora.data.candidates import first_draws
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.sweep_curves import TrainingLength, measure_curves
from ilora.layout import parse_data, parse_run
from ilora.predictions.comparability import check_same_candidates
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the curves of one sweep."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    draws, source = snakemake.params.draws, snakemake.input.candidates
    paths = [*snakemake.input.snapshots, *snakemake.input.predictions]
    predictions = {path: first_draws(read_table(path, PREDICTIONS), draws) for path in paths}
    check_same_candidates(predictions, {parse_data(source): first_draws(read_table(source, CANDIDATES), draws)})

    training = pc.sum(pc.equal(read_table(snakemake.input.sequences, SEQUENCES)["split"], "train")).as_py()
    cells = [SweepCell(**cell) for cell in snakemake.params.cells]
    lengths = {
        cell: TrainingLength(values.total_steps(training), training / values.batch_size)
        for cell, values in zip(cells, map(FinetuningValues.read, snakemake.params.lengths), strict=True)
    }
    table = measure_curves(
        snakemake.wildcards.sweep,
        snakemake.params.parameter,
        cells,
        lengths,
        {parse_run(path): answers for path, answers in predictions.items()},
        IntervalSettings(**snakemake.params.intervals),
    )
    write_table(table, snakemake.output.curves)
    provenance.record(snakemake.output.curves)
    for row in table.to_pylist():
        logger.info("%(method)s %(setting)s step %(step)d %(split)s %(value).4f [%(low).4f, %(high).4f]", row)


main(snakemake)
