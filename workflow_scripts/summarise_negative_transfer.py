"""Summarise the outcomes of every method on synthetic users, over seeds."""

from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.negative_transfer.schemas import OUTCOMES, SIMILARITIES
from ilora.negative_transfer.summary import summarise
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `negative_transfer.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    outcomes = pa.concat_tables([read_table(path, OUTCOMES) for path in snakemake.input.outcomes])
    similarities = pa.concat_tables([read_table(path, SIMILARITIES) for path in snakemake.input.similarities])
    write_table(summarise(outcomes, similarities, snakemake.params.confidence), snakemake.output.summary)
    provenance.record(snakemake.output.summary)


main(snakemake)
