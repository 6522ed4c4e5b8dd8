"""Draw the candidate sets of the val and test sequences, once for all methods."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.data.protocols import draw_candidate_sets
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `candidates.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    interactions = read_table(snakemake.input.interactions, INTERACTIONS)
    items = read_table(snakemake.input.catalogue, ITEMS).num_rows
    config = {"size": snakemake.params.size, "draws": snakemake.params.draws, "seed": snakemake.params.seed}
    protocol = snakemake.wildcards.protocol
    candidates = draw_candidate_sets(sequences, interactions, protocol, number_of_items=items, **config)
    logger.info("candidates: %d sequences in, %d sets out", sequences.num_rows, candidates.num_rows)
    write_table(candidates, snakemake.output.candidates)
    provenance.record(snakemake.output.candidates)


main(snakemake)
