"""Cluster the training sequences by their representations, and describe the clusters."""

from typing import TYPE_CHECKING

from ilora.analysis.cluster_profiles import cluster_profiles
from ilora.analysis.clusters import cluster_sequences, clusters_table, sampled_silhouettes
from ilora.analysis.genres import item_genres
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS
from ilora.artifacts.tensors import read_tensor
from ilora.configuration.sections.analysis import AnalysisSection
from ilora.data.sequences import read_sequences
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `clusters.parquet` and `profiles.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    settings = AnalysisSection.read(snakemake.params.analysis)
    catalogue = read_table(snakemake.input.catalogue, ITEMS)
    sequences = read_sequences(snakemake.input.sequences)
    representations = read_tensor(snakemake.input.representations, "sequence_representations").numpy()
    training = sequences.rows("train")
    clustering = cluster_sequences(representations, training, settings.clusters, settings.restarts, settings.seed)
    silhouettes = sampled_silhouettes(
        representations, clustering, training, settings.silhouette_sequences, settings.seed
    )
    profiles = cluster_profiles(
        clustering,
        silhouettes,
        sequences,
        catalogue["title"].to_pylist(),
        item_genres(catalogue["metadata"].to_pylist()),
    )
    for row in profiles.drop_columns(["centroid"]).to_pylist():
        logger.info("%s", row)
    write_table(clusters_table(clustering, [key.split for key in sequences.keys]), snakemake.output.clusters)
    write_table(profiles, snakemake.output.profiles)
    config = settings.model_dump(include={"clusters", "restarts", "seed", "silhouette_sequences"})
    provenance.record(*snakemake.output, config=config)


main(snakemake)
