"""Measures every method of one data set by the training interactions with the target, with intervals."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.data.trajectories import item_counts, training_trajectories
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import parse_run
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log
from ilora.scarcity.items import measure_items

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    predictions = {parse_run(path): read_table(path, PREDICTIONS) for path in snakemake.input.predictions}
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    items = read_table(snakemake.input.catalogue, ITEMS).num_rows
    frequencies = item_counts(training_trajectories(sequences), items)
    settings = IntervalSettings(**snakemake.params.intervals)
    table = measure_items(predictions, frequencies, snakemake.params.floors, settings)
    write_table(table, snakemake.output.table)
    provenance.record(snakemake.output.table)
    logger.info("%d runs measured", len(predictions))


main(snakemake)
