"""Score every candidate by item popularity or a first-order Markov chain."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.baselines.scorers import SCORERS
from ilora.predictions.building import scored_predictions
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet` of one baseline."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    items = read_table(snakemake.input.catalogue, ITEMS).num_rows
    baseline = snakemake.wildcards.baseline

    scores = SCORERS[baseline](sequences, candidates, items)
    predictions = scored_predictions(sequences, candidates, scores, baseline)
    write_table(predictions, snakemake.output.predictions)
    provenance.record(snakemake.output.predictions)
    logger.info("%s: %d candidate sets scored", baseline, predictions.num_rows)


main(snakemake)
