"""Profiles of clusters: size, cohesion, and typical titles and genres."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ilora.analysis.clusters import Clustering
from ilora.analysis.schemas import CLUSTER_PROFILES
from ilora.data.sequences import SequenceTable
from ilora.data.splits import SPLITS

#: Titles and genres kept for each cluster.
TYPICAL_TITLES, TYPICAL_GENRES = 5, 3


def cluster_profiles(
    clustering: Clustering,
    silhouettes: tuple[NDArray[np.int32], NDArray[np.float64]],
    sequences: SequenceTable,
    titles: Sequence[str],
    genres: Sequence[Sequence[str]],
) -> pa.Table:
    """Return the profiles of all clusters, including empty ones, as a table of schema `CLUSTER_PROFILES`.

    How typical an item is of a cluster is the share of the cluster's training sequences that contain it (in the history
    or as target) minus its share in all training sequences. The share of a genre is the mean over sequences of the
    share of their items with that genre.

    Args:
        clustering: clustering of all sequences.
        silhouettes: result of `ilora.analysis.clusters.sampled_silhouettes`.
        sequences: all sequences.
        titles: title of every item, by item id.
        genres: genres of every item, by item id.
    """
    training = sequences.rows("train")
    labels = clustering.assignment[training]
    held = [[*sequences.histories[row], int(sequences.targets[row])] for row in training]
    clusters = len(clustering.centroids)
    item_shares = _item_shares(held, labels, clusters, len(titles))
    names = sorted({name for entry in genres for name in entry})
    genre_shares = _genre_shares(held, labels, clusters, genres, names)
    sampled, values = silhouettes
    rows = []
    for cluster in range(clusters):
        of_cluster = values[sampled == cluster]
        sizes = {
            f"{split}_sequences": int((clustering.assignment[sequences.rows(split)] == cluster).sum())
            for split in SPLITS
        }
        rows.append(
            {
                "cluster": cluster,
                **sizes,
                "train_users": len(np.unique(sequences.user_ids[training[labels == cluster]])),
                "silhouette": float(of_cluster.mean()) if len(of_cluster) else None,
                "silhouette_of_all": float(values.mean()) if len(values) else None,
                "titles": [titles[item] for item in _most_typical(item_shares, cluster, TYPICAL_TITLES)],
                "genres": [names[genre] for genre in _most_typical(genre_shares, cluster, TYPICAL_GENRES)],
                "centroid": clustering.centroids[cluster].tolist(),
            }
        )
    return pa.Table.from_pylist(rows, schema=CLUSTER_PROFILES)


def _item_shares(
    held: Sequence[Sequence[int]], labels: NDArray[np.int32], clusters: int, items: int
) -> NDArray[np.float64]:
    """Return the share of each cluster's sequences that contain an item; the last row is for all sequences.

    The shape is [clusters + 1, items].
    """
    counts = np.zeros((clusters + 1, items))
    for cluster, ids in zip(labels, held, strict=True):
        counts[cluster, np.unique(ids)] += 1
    return _shares(counts, labels)


def _genre_shares(
    held: Sequence[Sequence[int]],
    labels: NDArray[np.int32],
    clusters: int,
    genres: Sequence[Sequence[str]],
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Return the mean share of a sequence's items with a genre, likewise [clusters + 1, genres]."""
    has = np.zeros((len(genres), len(names)))
    for item, entry in enumerate(genres):
        has[item, [names.index(name) for name in entry]] = 1.0
    sums = np.zeros((clusters + 1, len(names)))
    for cluster, ids in zip(labels, held, strict=True):
        sums[cluster] += has[ids].mean(axis=0)
    return _shares(sums, labels)


def _shares(sums: NDArray[np.float64], labels: NDArray[np.int32]) -> NDArray[np.float64]:
    sums[-1] = sums[:-1].sum(axis=0)
    sizes = np.append(np.bincount(labels, minlength=len(sums) - 1), len(labels))
    return sums / np.maximum(sizes, 1)[:, None]


def _most_typical(shares: NDArray[np.float64], cluster: int, count: int) -> list[int]:
    excess = shares[cluster] - shares[-1]
    return [int(entry) for entry in np.argsort(-excess, kind="stable")[:count] if excess[entry] > 0]
