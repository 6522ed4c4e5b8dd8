"""Analyse the errors of one run, and sample answers for reading."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.evaluation.answer_sample import sample_answers
from ilora.evaluation.error_analysis import analyse_errors, item_facts
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import parse_run
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `error_analysis.parquet` and `answer_sample.parquet` of one run."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    source = snakemake.input.predictions
    predictions, run = read_table(source, PREDICTIONS), parse_run(source)
    check_predictions(predictions, source)
    items = item_facts(read_table(snakemake.input.catalogue, ITEMS), read_table(snakemake.input.sequences, SEQUENCES))

    analysis = analyse_errors([run], [predictions], items, IntervalSettings(**snakemake.params.intervals))
    sample = sample_answers(predictions, run, items.titles, **snakemake.params.sample)
    write_table(analysis, snakemake.output.analysis)
    write_table(sample, snakemake.output.sample)
    provenance.record(*snakemake.output)
    logger.info("%d groups of answers, %d answers sampled", analysis.num_rows, sample.num_rows)


main(snakemake)
