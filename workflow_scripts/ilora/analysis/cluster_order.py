"""Order of the clusters in a heat map."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist, squareform


def centroid_distances(centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean distances between centroids [clusters, d], float64 [clusters, clusters]."""
    return squareform(pdist(centroids))


def leaf_order(centroids: NDArray[np.float64]) -> list[int]:
    """Return the clusters in the leaf order of a hierarchical clustering of their centroids.

    The order depends only on the centroids, as in Fig. 1 of arXiv 2408.10159: average linkage on Euclidean distances,
    optimal leaf ordering (Bar-Joseph et al., 2001). It is therefore the same for every method, and cannot itself create
    blocks on the diagonal of a heat map of gradients.

    Args:
        centroids: float64 [clusters, d].
    """
    if len(centroids) < 3:
        return list(range(len(centroids)))
    order = leaves_list(linkage(centroids, "average", optimal_ordering=True)).tolist()
    # A dendrogram can be read from either end; choosing one makes the order unique.
    return order if order[0] < order[-1] else order[::-1]
