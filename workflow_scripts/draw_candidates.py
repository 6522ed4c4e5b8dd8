"""Draws the candidate sets of the val and test sequences, once for every method."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.data.candidates import candidates_table
from ilora.data.sequences import read_sequences
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `candidates.parquet`."""
    logger = start_log(snakemake.log[0])
    sequences = read_sequences(snakemake.input.sequences, snakemake.input.interactions)
    size, draws, seed = snakemake.params.size, snakemake.params.draws, snakemake.params.seed
    candidates = candidates_table(sequences, size=size, draws=draws, seed=seed)
    logger.info("candidates: %d sequences in, %d sets out", len(sequences.keys), candidates.num_rows)
    write_table(candidates, snakemake.output.candidates)
    config = {"size": size, "draws": draws, "seed": seed}
    write_sidecar(snakemake.output.candidates, config=config, inputs=snakemake.input)


main(snakemake)
