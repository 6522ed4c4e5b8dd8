"""Makes the table of data set statistics in all its formats, the papers' numbers beside ours."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.writing import atomic_path
from ilora.data.statistics import DATASET_STATISTICS
from ilora.data.steps import PREPARATION_STEPS
from ilora.plotting.dataset_table import build_dataset_table, to_csv, to_html, to_latex, to_markdown
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `dataset_statistics.*`."""
    logger = start_log(snakemake.log[0])
    table = build_dataset_table(read_table(path, DATASET_STATISTICS) for path in snakemake.input.statistics)
    tables_of_steps = [read_table(path, PREPARATION_STEPS) for path in snakemake.input.steps]
    steps = dict(zip(snakemake.params.datasets, tables_of_steps, strict=True))
    write_table(table, snakemake.output.parquet)
    texts = {
        "csv": to_csv(table),
        "md": to_markdown(table, steps),
        "tex": to_latex(table),
        "html": to_html(table, steps),
    }
    for name, text in texts.items():
        with atomic_path(snakemake.output[name]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_sidecar(snakemake.output.parquet, config={}, inputs=snakemake.input)
    logger.info("%d data sets in the table", len(steps))


main(snakemake)
