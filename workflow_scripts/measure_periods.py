"""Measure every method on one data set in every period, with intervals."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.drift.periods import measure_periods
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import parse_run
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    predictions = {parse_run(path): read_table(path, PREDICTIONS) for path in snakemake.input.predictions}
    table = measure_periods(predictions, IntervalSettings(**snakemake.params.intervals))
    write_table(table, snakemake.output.table)
    provenance.record(snakemake.output.table)
    logger.info("%d runs measured", len(predictions))


main(snakemake)
