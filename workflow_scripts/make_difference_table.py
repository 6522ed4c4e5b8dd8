"""Make the table of differences between the methods in its formats to be read."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table
from ilora.artifacts.writing import atomic_path
from ilora.evaluation.comparisons import DIFFERENCES
from ilora.progress import start_log
from ilora.reporting.differences import differences_to_html, differences_to_latex

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `differences.html` and `differences.tex`."""
    logger = start_log(snakemake.log[0])
    differences = read_table(snakemake.input.differences, DIFFERENCES)
    texts = {"html": differences_to_html(differences), "tex": differences_to_latex(differences)}
    for name, text in texts.items():
        with atomic_path(snakemake.output[name]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    logger.info("%d differences", differences.num_rows)


main(snakemake)
