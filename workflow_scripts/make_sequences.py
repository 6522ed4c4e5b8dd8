"""Splits the users and cuts their interactions into histories and targets, by the protocol."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.protocols import make_sequences
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `sequences.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    config = {
        "split_seed": snakemake.params.split_seed,
        "minimum_history": snakemake.params.minimum_history,
        "maximum_history": snakemake.params.maximum_history,
    }
    interactions = read_table(snakemake.input.interactions, INTERACTIONS)
    sequences = make_sequences(interactions, snakemake.wildcards.protocol, **config)
    write_table(sequences, snakemake.output.sequences)
    provenance.record(snakemake.output.sequences)


main(snakemake)
