"""Clusters of sequences in the collaborative space: k-means on z (section 4.1.1 and appendix C of arXiv 2408.10159)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples
from threadpoolctl import threadpool_limits

from ilora.analysis.schemas import CLUSTERS


@dataclass(frozen=True)
class Clustering:
    """Result of k-means.

    Attributes:
        assignment: the cluster of every sequence, int32 [sequences]; cluster 0 has the most training sequences.
        centroids: float64 [clusters, d].
    """

    assignment: NDArray[np.int32]
    centroids: NDArray[np.float64]


def cluster_sequences(
    representations: NDArray[np.floating], training_rows: NDArray[np.int64], clusters: int, restarts: int, seed: int
) -> Clustering:
    """Cluster the training split by k-means (Euclidean, k-means++) and assign every sequence to its nearest centroid.

    Args:
        representations: z of every sequence, [sequences, d].
        training_rows: sequence ids of the training split, which alone determine the centroids.
        clusters: number of clusters.
        restarts: number of initialisations; the result with the lowest inertia is kept.
        seed: random seed of the initialisations.

    Raises:
        ValueError: z is not finite, or has fewer distinct values in training than there are clusters.
    """
    if not np.isfinite(representations).all():
        raise ValueError("sequence representations contain NaN or infinity: retrain the recommender")
    points = np.asarray(representations, dtype=np.float64)
    different = len(np.unique(points[training_rows], axis=0))
    if different < clusters:
        raise ValueError(
            f"found {different} different sequence representations in training, expected at least {clusters}: "
            "lower analysis.clusters"
        )
    # One thread, so that the summation order, and with it the last digits of a centroid, does not depend on the load.
    with threadpool_limits(limits=1):
        fitted = KMeans(clusters, n_init=restarts, random_state=seed).fit(points[training_rows])
        nearest = fitted.predict(points)
    sizes = np.bincount(nearest[training_rows], minlength=clusters)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(clusters, dtype=np.int32)
    rank[order] = np.arange(clusters, dtype=np.int32)
    return Clustering(rank[nearest], fitted.cluster_centers_[order])


def sampled_silhouettes(
    representations: NDArray[np.floating],
    clustering: Clustering,
    training_rows: NDArray[np.int64],
    sample: int,
    seed: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the silhouettes (Rousseeuw, 1987) of a random sample of the training sequences.

    Args:
        representations: z of every sequence, [sequences, d].
        clustering: clustering of the same sequences.
        training_rows: sequence ids of the training split.
        sample: number of sequences to draw, or all if there are fewer; time and memory grow with its square.
        seed: random seed of the sample.

    Returns:
        The cluster of each sampled sequence, int32 [sample], and its silhouette within the sample, float64, from -1
        to 1. Both are empty if the sample holds fewer than two clusters.
    """
    drawn = np.random.default_rng(seed).permutation(training_rows)[:sample]
    labels = clustering.assignment[drawn]
    if not 2 <= len(np.unique(labels)) < len(drawn):
        return np.empty(0, dtype=np.int32), np.empty(0)
    with threadpool_limits(limits=1):
        return labels, silhouette_samples(np.asarray(representations, dtype=np.float64)[drawn], labels)


def clusters_table(clustering: Clustering, splits: list[str]) -> pa.Table:
    """Return the assignment as a table of schema `CLUSTERS`, given the split of every sequence."""
    return pa.table(
        {
            "sequence_id": np.arange(len(splits), dtype=np.int32),
            "split": splits,
            "cluster": clustering.assignment,
        },
        schema=CLUSTERS,
    )
