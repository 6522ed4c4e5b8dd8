"""Plot the fine-tuning loss of every tuned method and seed on one data set."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_extended_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import TRAINING_LOG
from ilora.layout import parse_run
from ilora.plotting.labels import setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.plotting.training_curves import draw_training_curves, select_training_curves
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `training_curves.*`."""
    start_log(snakemake.log[0])
    logs = {parse_run(path): read_extended_table(path, TRAINING_LOG) for path in snakemake.input.logs}
    drawn = select_training_curves([(run.method, run.seed, log) for run, log in logs.items()])
    write_table(drawn, snakemake.output.drawn)
    first = next(iter(logs))
    with figure_style():
        figure = draw_training_curves(drawn, setting_label(first.dataset, first.backbone))
        save_figure(figure, {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={}, inputs=snakemake.input.logs)


main(snakemake)
