"""Rank all items by the vectors of a trained recommender."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.artifacts.tensors import read_tensor
from ilora.full_ranking.ranks import rank_targets
from ilora.full_ranking.seen_items import SeenItems
from ilora.full_ranking.vectors import score_by_vectors
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `ranks.parquet` of one training."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    files, recommender = snakemake.input, snakemake.wildcards.recommender
    sequences = read_table(files.sequences, SEQUENCES)
    embeddings, representations = (
        read_tensor(files[name], name).numpy() for name in ("item_embeddings", "sequence_representations")
    )
    leaves_out = snakemake.params.leaves_seen_out
    seen = SeenItems.of(read_table(files.interactions, INTERACTIONS)) if leaves_out else None

    score = score_by_vectors(representations, embeddings)
    ranks = rank_targets(sequences, score, items=len(embeddings), method=recommender, seen=seen)
    write_table(ranks, snakemake.output.ranks)
    provenance.record(snakemake.output.ranks)
    logger.info("%s: %d targets ranked among %d items", recommender, ranks.num_rows, len(embeddings))


main(snakemake)
