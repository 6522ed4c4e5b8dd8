"""Put what all sweeps of the study measured into one table."""

from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.evaluation.sweeps import SWEEP
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `sweeps.parquet`."""
    logger = start_log(snakemake.log[0])
    table = pa.concat_tables([read_table(path, SWEEP) for path in snakemake.input.sweeps])
    write_table(table, snakemake.output.sweeps)
    write_sidecar(snakemake.output.sweeps, config={}, inputs=snakemake.input.sweeps)
    logger.info("%d rows of %d sweeps and data sets", table.num_rows, len(snakemake.input.sweeps))


main(snakemake)
