"""Plot the clusters of sequences, for the study's first seed."""

from typing import TYPE_CHECKING

from ilora.analysis.schemas import CLUSTER_PROFILES
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.plotting.clusters import draw_clusters
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `clusters.*`."""
    start_log(snakemake.log[0])
    choice = snakemake.params.choice
    drawn = read_table(snakemake.input.profiles, CLUSTER_PROFILES)
    write_table(drawn, snakemake.output.drawn)
    overall = drawn["silhouette_of_all"][0].as_py()
    title = (
        f"Clusters of training sequences by {method_label(choice['recommender'])}'s representations, seed "
        f"{choice['seed']}\n{dataset_label(snakemake.wildcards.dataset)}; mean silhouette "
        + ("not defined" if overall is None else f"{overall:.2f}")
    )
    with figure_style():
        figure = draw_clusters(drawn, choice["smallest"], title)
        save_figure(figure, {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config=choice, inputs=snakemake.input)


main(snakemake)
