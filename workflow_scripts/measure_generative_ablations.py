"""Measure the full rankings of a generative recommender and of its ablations on one data set."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import SEQUENCES
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.ranking_ablations import measure_ablations
from ilora.full_ranking.comparability import check_same_targets
from ilora.full_ranking.schema import RANKS
from ilora.layout import parse_run
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table of the ablations of one method."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    by_path = {path: read_table(path, RANKS) for path in snakemake.input.ranks}
    check_same_targets(by_path, read_table(snakemake.input.sequences, SEQUENCES))

    ranks = {parse_run(path): table for path, table in by_path.items()}
    table = measure_ablations(ranks, IntervalSettings(**snakemake.params.intervals))
    write_table(table, snakemake.output.ablations)
    provenance.record(snakemake.output.ablations)
    for row in table.to_pylist():
        logger.info("%(method)s %(variant)s %(split)s %(metric)s %(value).4f [%(low).4f, %(high).4f]", row)


main(snakemake)
