"""Collect the metrics of all runs of the study in one table, after checking that they are comparable."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import CANDIDATES, METRICS
from ilora.layout import parse_data
from ilora.predictions.comparability import check_same_candidates
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the study's `metrics.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    check_same_candidates(
        {path: read_table(path, PREDICTIONS) for path in snakemake.input.predictions},
        {parse_data(path): read_table(path, CANDIDATES) for path in snakemake.input.candidates},
        snakemake.params.draws,
    )
    for path in snakemake.input.metrics:
        check_made_from(path, [Path(path).with_name("predictions.parquet")])
    metrics = pa.concat_tables([read_table(path, METRICS) for path in snakemake.input.metrics])
    write_table(metrics, snakemake.output.metrics)
    provenance.record(snakemake.output.metrics)
    logger.info("%d runs on the same candidate sets", len(snakemake.input.metrics))


main(snakemake)
