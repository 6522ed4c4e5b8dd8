"""Measures every method of one data set by the share of the training users, with intervals."""

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import SEQUENCES
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import parse_run
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log
from ilora.scarcity.shares import measure_shares

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    predictions = {parse_run(path): read_table(path, PREDICTIONS) for path in snakemake.input.predictions}
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    users = len(pc.unique(sequences.filter(pc.equal(sequences["split"], "train"))["user_id"]))
    table = measure_shares(predictions, users, IntervalSettings(**snakemake.params.intervals))
    write_table(table, snakemake.output.table)
    provenance.record(snakemake.output.table)
    logger.info("%d runs measured", len(predictions))


main(snakemake)
