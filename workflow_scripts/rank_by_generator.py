"""Rank all items by beam search over their semantic ids."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.data.sequences import sequence_table
from ilora.full_ranking.seen_items import SeenItems
from ilora.generative.answering import rank_all_items
from ilora.generative.storage import load_generator, load_ids
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `ranks.parquet` of one training, and the share of valid beams."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    files, output, method = snakemake.input, snakemake.output, snakemake.wildcards.generator
    table = read_table(files.sequences, SEQUENCES)
    leaves_out = snakemake.params.leaves_seen_out
    seen = SeenItems.of(read_table(files.interactions, INTERACTIONS)) if leaves_out else None
    model, ids = load_generator(files.model), load_ids(files.semantic_ids)

    ranking = rank_all_items(model, ids, sequence_table(table), table, method, seen, logger)
    write_table(ranking.ranks, output.ranks)
    write_table(ranking.statistics, output.beam_statistics)
    provenance.record(*output)
    logger.info("%s: %d targets ranked among %d items", method, ranking.ranks.num_rows, ids.items)
    for row in ranking.statistics.to_pylist():
        logger.info("%(split)s: %(valid_share).3f of the unconstrained beams are ids, %(beams)d per sequence", row)


main(snakemake)
