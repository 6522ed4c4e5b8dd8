"""Plot what the answers of each method that writes text are, on one data set."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.evaluation.error_analysis import ERROR_ANALYSIS
from ilora.plotting.answer_categories import draw_answer_categories
from ilora.plotting.error_breakdowns import select_breakdowns
from ilora.plotting.labels import setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `answer_categories.*`."""
    start_log(snakemake.log[0])
    dataset, methods = snakemake.wildcards.dataset, snakemake.params.methods
    analysis = read_table(snakemake.input.analysis, ERROR_ANALYSIS)
    drawn = select_breakdowns(analysis, dataset, ["answer_category"], methods)
    write_table(drawn, snakemake.output.drawn)
    with figure_style():
        figure = draw_answer_categories(drawn, setting_label(dataset, snakemake.params.backbone))
        save_figure(figure, {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={"methods": methods}, inputs=snakemake.input)


main(snakemake)
