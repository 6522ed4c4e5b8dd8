"""Collect the error analyses of all runs in one table, and add the mean over seeds of each method."""

from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.evaluation.error_analysis import analyse_errors, item_facts
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.schemas import ERROR_ANALYSIS
from ilora.layout import parse_data, parse_run
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the study's `error_analysis.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    settings = IntervalSettings(**snakemake.params.intervals)
    items = {
        parse_data(catalogue): item_facts(read_table(catalogue, ITEMS), read_table(sequences, SEQUENCES))
        for catalogue, sequences in zip(snakemake.input.catalogues, snakemake.input.sequences, strict=True)
    }
    tables = [read_table(path, ERROR_ANALYSIS) for path in snakemake.input.analyses]
    for _, paths in groupby(snakemake.input.predictions, lambda path: parse_run(path).without_seed):
        runs = {parse_run(path): read_table(path, PREDICTIONS) for path in paths}
        if len(runs) > 1:
            data = next(iter(runs)).data
            tables.append(analyse_errors(list(runs), list(runs.values()), items[data], settings))
    write_table(pa.concat_tables(tables), snakemake.output.analysis)
    provenance.record(snakemake.output.analysis)
    logger.info("%d runs", len(snakemake.input.analyses))


main(snakemake)
