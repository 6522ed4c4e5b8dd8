"""Rank all items by item popularity or a first-order Markov chain."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.full_ranking.baselines import BASELINES
from ilora.full_ranking.ranks import rank_targets
from ilora.full_ranking.seen_items import SeenItems
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `ranks.parquet` of one baseline."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    files, baseline = snakemake.input, snakemake.wildcards.baseline
    sequences = read_table(files.sequences, SEQUENCES)
    items = read_table(files.catalogue, ITEMS).num_rows
    leaves_out = snakemake.params.leaves_seen_out
    seen = SeenItems.of(read_table(files.interactions, INTERACTIONS)) if leaves_out else None

    score = BASELINES[baseline](sequences, items)
    ranks = rank_targets(sequences, score, items=items, method=baseline, seen=seen)
    write_table(ranks, snakemake.output.ranks)
    provenance.record(snakemake.output.ranks)
    logger.info("%s: %d targets ranked among %d items", baseline, ranks.num_rows, items)


main(snakemake)
