"""Make the tables of where the answers on one data set go wrong."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table
from ilora.artifacts.writing import atomic_path
from ilora.evaluation.error_analysis import ERROR_ANALYSIS
from ilora.plotting.error_breakdowns import select_breakdowns
from ilora.plotting.labels import setting_label
from ilora.progress import start_log
from ilora.reporting.error_tables import BREAKDOWNS, errors_to_html, errors_to_latex

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `error_analysis.*` of one data set."""
    logger = start_log(snakemake.log[0])
    dataset, params = snakemake.wildcards.dataset, snakemake.params
    analysis = read_table(snakemake.input.analysis, ERROR_ANALYSIS)
    shown = select_breakdowns(analysis, dataset, BREAKDOWNS, params.methods)
    title = f"Where the answers go wrong: {setting_label(dataset, params.backbone)}"
    texts = {
        "html": errors_to_html(title, shown, params.confidence),
        "tex": errors_to_latex(shown, params.writing_methods),
    }
    for name, text in texts.items():
        with atomic_path(snakemake.output[name]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    logger.info("%d groups of answers", shown.num_rows)


main(snakemake)
