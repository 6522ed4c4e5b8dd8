"""Collect HitRatio@1 of every method on every random split of one data set in one table."""

from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.progress import start_log
from ilora.random_splits.hits import SPLIT_HITS

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    table = pa.concat_tables([read_table(path, SPLIT_HITS) for path in snakemake.input.hits])
    write_table(table, snakemake.output.table)
    provenance.record(snakemake.output.table)
    logger.info("%d methods and splits", table.num_rows)


main(snakemake)
