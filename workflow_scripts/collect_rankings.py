"""Collect the metrics of all full rankings of the study in one table, and compare the methods."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import SEQUENCES
from ilora.evaluation.comparisons import compare_rankings
from ilora.evaluation.full_ranking import summarise_rankings
from ilora.evaluation.intervals import IntervalSettings
from ilora.full_ranking.comparability import check_same_targets
from ilora.full_ranking.schema import RANKS
from ilora.layout import parse_data, parse_run
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the summary and the differences of the study's full rankings."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    by_path = {path: read_table(path, RANKS) for path in snakemake.input.ranks}
    for path in snakemake.input.sequences:
        of_data = {name: table for name, table in by_path.items() if parse_run(name).data == parse_data(path)}
        check_same_targets(of_data, read_table(path, SEQUENCES))
    ranks = {parse_run(path): table for path, table in by_path.items()}
    settings = IntervalSettings(**snakemake.params.intervals)

    summary = summarise_rankings(ranks, settings)
    write_table(summary, snakemake.output.summary)
    write_table(compare_rankings(snakemake.params.reference, ranks, settings), snakemake.output.differences)
    provenance.record(*snakemake.output)
    for row in summary.to_pylist():
        logger.info("%(method)s %(split)s %(metric)s %(value).4f [%(low).4f, %(high).4f], %(n)d users", row)


main(snakemake)
