"""Plot the experts' weights over the whole test set, for the study's first seed."""

from typing import TYPE_CHECKING

from ilora.analysis.schemas import CLUSTER_PROFILES, CLUSTERS, EXPERT_USAGE, GATES
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.layout import parse_run
from ilora.plotting.expert_usage import draw_expert_usage, select_expert_usage
from ilora.plotting.gradient_similarity import cluster_label
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `expert_attention_all.*`."""
    start_log(snakemake.log[0])
    gates, clusters = read_table(snakemake.input.gates, GATES), read_table(snakemake.input.clusters, CLUSTERS)
    profiles = read_table(snakemake.input.profiles, CLUSTER_PROFILES).to_pylist()
    drawn = select_expert_usage(gates, clusters, [cluster_label(row["cluster"], row["genres"]) for row in profiles])
    write_table(drawn, snakemake.output.drawn)
    run = parse_run(snakemake.input.gates)
    title = f"Experts over the test set: {method_label(run.method)}, seed {run.seed}\n"
    usage = read_table(snakemake.input.usage, EXPERT_USAGE)
    with figure_style():
        figure = draw_expert_usage(drawn, usage, title + setting_label(run.dataset, run.backbone))
        save_figure(figure, {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={}, inputs=snakemake.input)


main(snakemake)
