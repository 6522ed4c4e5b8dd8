"""Plot what every method reaches on synthetic users, over the degree to which their groups contradict each other."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.negative_transfer.summary import SUMMARY
from ilora.plotting.negative_transfer import draw_negative_transfer
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `negative_transfer.*`."""
    start_log(snakemake.log[0])
    drawn = read_table(snakemake.input.summary, SUMMARY)
    write_table(drawn, snakemake.output.drawn)
    with figure_style():
        save_figure(draw_negative_transfer(drawn), {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={}, inputs=snakemake.input)


main(snakemake)
