"""Compare iLoRA with every other method of the study, on the same candidate sets."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.evaluation.comparisons import compare_with
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import parse_run
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `differences.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    predictions = {parse_run(path): read_table(path, PREDICTIONS) for path in snakemake.input.predictions}
    settings = IntervalSettings(**snakemake.params.intervals)

    differences = compare_with(snakemake.params.reference, predictions, settings)
    write_table(differences, snakemake.output.differences)
    provenance.record(snakemake.output.differences)
    for row in differences.to_pylist():
        logger.info("%(split)s %(first)s - %(second)s %(value)+.4f [%(low)+.4f, %(high)+.4f], p %(p_holm).3g", row)


main(snakemake)
