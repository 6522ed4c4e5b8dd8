"""Make Table 1 in all its formats."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import ITEMS, METRICS, PREDICTIONS
from ilora.artifacts.writing import atomic_path
from ilora.evaluation.comparisons import DIFFERENCES
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.summary import summarise
from ilora.layout import Run, parse_data, parse_run
from ilora.plotting.backbone_size import backbone_parameters
from ilora.plotting.table1 import build_table1
from ilora.plotting.table_formats import to_csv, to_html, to_latex, to_markdown, to_terminal
from ilora.plotting.table_notes import table_notes
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `table1.*`."""
    logger = start_log(snakemake.log[0])
    settings = IntervalSettings(**snakemake.params.intervals)
    metrics = read_table(snakemake.input.metrics, METRICS)
    predictions = {parse_run(path): read_table(path, PREDICTIONS) for path in snakemake.input.predictions}
    titles = {parse_data(path): read_table(path, ITEMS)["title"].to_pylist() for path in snakemake.input.catalogues}
    differences = read_table(snakemake.input.differences, DIFFERENCES)

    summary = summarise(metrics, predictions, titles, settings)
    without_key = [Run(*labels) for labels in snakemake.params.without_key]
    table = build_table1(
        summary, differences, backbone_parameters(snakemake.input.backbones), without_key, snakemake.params.small_models
    )
    write_table(table, snakemake.output.parquet)
    notes = table_notes(table, differences)
    texts = {
        "csv": to_csv(table),
        "md": to_markdown(table, notes),
        "tex": to_latex(table, notes),
        "html": to_html(table, notes),
    }
    for name, text in texts.items():
        with atomic_path(snakemake.output[name]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_sidecar(snakemake.output.parquet, config=snakemake.params.intervals, inputs=snakemake.input)
    logger.info("\n%s", to_terminal(table))


main(snakemake)
