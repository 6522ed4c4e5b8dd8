"""Measure every cell of a sweep on one data set, and compare the study's own setting with all others."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import CANDIDATES, ITEMS
from ilora.configuration.sweep_cells import SweepCell
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.sweeps import measure_sweep
from ilora.layout import parse_data, parse_run
from ilora.predictions.comparability import check_same_candidates
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table of one sweep."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    source = snakemake.input.candidates
    predictions = {path: read_table(path, PREDICTIONS) for path in snakemake.input.predictions}
    check_same_candidates(predictions, {parse_data(source): read_table(source, CANDIDATES)})

    table = measure_sweep(
        snakemake.wildcards.sweep,
        snakemake.params.parameter,
        [SweepCell(**cell) for cell in snakemake.params.cells],
        {parse_run(path): answers for path, answers in predictions.items()},
        read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist(),
        IntervalSettings(**snakemake.params.intervals),
    )
    write_table(table, snakemake.output.sweep)
    provenance.record(snakemake.output.sweep)
    for row in table.to_pylist():
        logger.info("%(method)s %(setting)s %(split)s %(metric)s %(value).4f [%(low).4f, %(high).4f]", row)


main(snakemake)
