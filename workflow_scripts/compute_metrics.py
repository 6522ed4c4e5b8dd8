"""Compute the metrics of one run from its predictions, with intervals."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import ITEMS
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import parse_run
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `metrics.parquet` of one run."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    source = snakemake.input.predictions
    check_made_from(source, [snakemake.input.catalogue])
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    settings = IntervalSettings(**snakemake.params.intervals)

    metrics = measure_run(read_table(source, PREDICTIONS), parse_run(source), titles, settings, source)
    write_table(metrics, snakemake.output.metrics)
    provenance.record(snakemake.output.metrics)
    for row in metrics.to_pylist():
        logger.info("%(split)s %(metric)s %(value).4f [%(low).4f, %(high).4f], %(n)d users", row)


main(snakemake)
