"""Plot the experts' weights of a few test sequences of one data set."""

from typing import TYPE_CHECKING

from ilora.analysis.expert_attention import select_expert_attention
from ilora.analysis.schemas import GATES
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.layout import parse_run
from ilora.plotting.expert_attention import draw_expert_attention
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `expert_attention.*`."""
    start_log(snakemake.log[0])
    source, choice = snakemake.input.gates, snakemake.params.choice
    drawn = select_expert_attention(read_table(source, GATES), choice["sequences"], choice["seed"])
    write_table(drawn, snakemake.output.drawn)
    run = parse_run(source)
    title = f"{method_label(run.method)}, seed {run.seed}\n{setting_label(run.dataset, run.backbone)}"
    with figure_style():
        save_figure(draw_expert_attention(drawn, title), {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config=choice, inputs=[source])


main(snakemake)
