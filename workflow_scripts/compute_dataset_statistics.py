"""Count the users, items, interactions and sequences of a data set under a protocol."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.data.periods import read_beginnings
from ilora.data.protocols import interactions_before_tests
from ilora.data.statistics import dataset_statistics, statistics_table
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `dataset_statistics.parquet` of one data set."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    protocol, begins = snakemake.wildcards.protocol, read_beginnings(snakemake.input.get("periods"))
    interactions = read_table(snakemake.input.interactions, INTERACTIONS)
    described = interactions_before_tests(interactions, protocol, begins)
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    items = read_table(snakemake.input.catalogue, ITEMS).num_rows
    statistics = dataset_statistics(described, sequences, items)
    table = statistics_table(snakemake.wildcards.dataset, protocol, statistics)
    write_table(table, snakemake.output.statistics)
    provenance.record(snakemake.output.statistics)
    for name, value in statistics.items():
        logger.info("%s: %g", name, value)


main(snakemake)
