"""Plot HitRatio@1 over the fine-tuning of every cell of a sweep."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.evaluation.sweep_curves import SWEEP_CURVES
from ilora.plotting.labels import setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.plotting.sweep_curves import draw_sweep_curves, select_sweep_curves
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the figure of the curves of one sweep."""
    start_log(snakemake.log[0])
    drawn = select_sweep_curves(read_table(snakemake.input.curves, SWEEP_CURVES))
    write_table(drawn, snakemake.output.drawn)
    setting = setting_label(snakemake.wildcards.dataset, snakemake.params.backbone)
    title = f"{snakemake.params.heading}; {setting}\n{snakemake.params.note}"
    with figure_style():
        save_figure(draw_sweep_curves(drawn, title), {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={}, inputs=snakemake.input)


main(snakemake)
