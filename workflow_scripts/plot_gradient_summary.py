"""Plot the numbers about gradient similarity, and how they change over training."""

from typing import TYPE_CHECKING

from ilora.analysis.schemas import GRADIENT_SUMMARY
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.plotting.gradient_summary import draw_gradient_summary, select_gradient_summary
from ilora.plotting.labels import setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `gradient_similarity_summary.*`."""
    start_log(snakemake.log[0])
    summary = read_table(snakemake.input.summary, GRADIENT_SUMMARY)
    drawn = select_gradient_summary(summary)
    write_table(drawn, snakemake.output.drawn)
    seeds = len(summary["seed"].drop_null().unique())
    setting = setting_label(snakemake.wildcards.dataset, snakemake.params.backbone)
    title = (
        f"Gradient similarity in numbers, {'mean over ' if seeds > 1 else ''}{seeds} seed{'s' * (seeds > 1)}\n{setting}"
    )
    with figure_style():
        save_figure(draw_gradient_summary(drawn, title), {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={}, inputs=snakemake.input)


main(snakemake)
