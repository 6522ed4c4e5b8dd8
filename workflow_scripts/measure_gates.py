"""Measures what the gates of one data set do with short histories and without one, with intervals."""

from typing import TYPE_CHECKING

from ilora.analysis.schemas import GATES
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import SEQUENCES
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import parse_run
from ilora.progress import start_log
from ilora.scarcity.gates import measure_gates
from ilora.scarcity.schemas import COLD_GATES

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    gates = {parse_run(path): read_table(path, GATES) for path in snakemake.input.gates}
    cold_gates = {parse_run(path): read_table(path, COLD_GATES) for path in snakemake.input.cold_gates}
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    settings = IntervalSettings(**snakemake.params.intervals)
    table = measure_gates(gates, cold_gates, sequences, snakemake.params.longest, settings)
    write_table(table, snakemake.output.table)
    provenance.record(snakemake.output.table)
    logger.info("%d gates measured", len(gates))


main(snakemake)
