"""Plot HitRatio@1 of every method on one data set, with intervals and the paper's values."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.plotting.hit_ratio import draw_hit_ratio, select_hit_ratio
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.plotting.table1 import TABLE1
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `hit_ratio.*`."""
    start_log(snakemake.log[0])
    table = read_table(snakemake.input.table, TABLE1)
    drawn = select_hit_ratio(table, snakemake.wildcards.dataset, snakemake.params.candidates)
    write_table(drawn, snakemake.output.drawn)
    with figure_style():
        save_figure(draw_hit_ratio(drawn), {name: snakemake.output[name] for name in FORMATS})
    config = {"candidates": snakemake.params.candidates}
    write_sidecar(snakemake.output.drawn, config=config, inputs=[snakemake.input.table])


main(snakemake)
