"""Split the users and cut their interactions into histories and targets, according to the protocol."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS
from ilora.configuration.own_datasets import split_of_job
from ilora.data.periods import read_beginnings
from ilora.data.protocols import make_sequences
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `sequences.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    params, protocol = snakemake.params, snakemake.wildcards.protocol
    config = {
        "split_seed": params.split_seed,
        "minimum_history": params.minimum_history,
        "maximum_history": params.maximum_history,
    }
    interactions = read_table(snakemake.input.interactions, INTERACTIONS)
    split = split_of_job(snakemake.wildcards.dataset, params.own, protocol)
    begins = read_beginnings(snakemake.input.get("periods"))
    sequences = make_sequences(interactions, protocol, released_split=split, begins=begins, **config)
    write_table(sequences, snakemake.output.sequences)
    provenance.record(snakemake.output.sequences)


main(snakemake)
