"""The order in which clusters stand in a heat map."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist, squareform


def centroid_distances(centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean distances between centroids [clusters, d], float64 [clusters, clusters]."""
    return squareform(pdist(centroids))


def leaf_order(centroids: NDArray[np.float64]) -> list[int]:
    """Return the clusters in the order of hierarchical clustering, those close in the collaborative space together.

    The order comes from the centroids alone, as in Fig. 1 of arXiv 2408.10159: average linkage on Euclidean distances,
    leaves ordered optimally (Bar-Joseph et al., 2001). It is thus the same for every method, and no block on a heat
    map's diagonal is there because the order made it.

    Args:
        centroids: float64 [clusters, d].
    """
    if len(centroids) < 3:
        return list(range(len(centroids)))
    order = leaves_list(linkage(centroids, "average", optimal_ordering=True)).tolist()
    # A dendrogram can be read from either end; this end makes the order unique.
    return order if order[0] < order[-1] else order[::-1]
