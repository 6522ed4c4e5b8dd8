"""Plot the gradient similarity between clusters for one method, for the study's first seed."""

from typing import TYPE_CHECKING

import numpy as np

from ilora.analysis.cluster_order import leaf_order
from ilora.analysis.schemas import CLUSTER_PROFILES, GRADIENT_SIMILARITY
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.plotting.gradient_similarity import draw_gradient_similarity, select_gradient_similarity
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `gradient_similarity_METHOD.*`."""
    start_log(snakemake.log[0])
    method, seed = snakemake.wildcards.method, snakemake.params.seed
    similarity = read_table(snakemake.input.similarity, GRADIENT_SIMILARITY)
    profiles = read_table(snakemake.input.profiles, CLUSTER_PROFILES)
    order = leaf_order(np.array(profiles["centroid"].to_pylist()))
    drawn = select_gradient_similarity(similarity, profiles, order, method, seed)
    write_table(drawn, snakemake.output.drawn)
    setting = setting_label(snakemake.wildcards.dataset, snakemake.params.backbone)
    title = f"Gradient similarity between clusters of sequences: {method_label(method)}, seed {seed}\n{setting}"
    with figure_style():
        save_figure(draw_gradient_similarity(drawn, title), {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config={"seed": seed}, inputs=snakemake.input)


main(snakemake)
