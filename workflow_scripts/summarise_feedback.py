"""Summarise the outcomes of every policy in the simulation of recommend, click and retrain, over seeds."""

from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.feedback.schemas import OUTCOMES
from ilora.feedback.summary import summarise_feedback
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `feedback.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    outcomes = pa.concat_tables([read_table(path, OUTCOMES) for path in snakemake.input.outcomes])
    write_table(summarise_feedback(outcomes, snakemake.params.confidence), snakemake.output.summary)
    provenance.record(snakemake.output.summary)


main(snakemake)
