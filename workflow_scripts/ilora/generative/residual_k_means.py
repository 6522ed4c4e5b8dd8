"""Residual k-means: each level clusters the residuals of the previous levels, without gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from ilora.generative.quantisation import Quantisation, check_vectors, derived_seed


def residual_k_means(vectors: torch.Tensor, levels: int, size: int, seed: int) -> Quantisation:
    """Quantise vectors by k-means (Euclidean, k-means++) on the residuals of the previous level.

    Args:
        vectors: vectors of the items, float32 (items, width).
        levels: number of codes per item.
        size: size of each codebook; a level with fewer distinct residuals has as many codes as residuals.
        seed: random seed of the initialisations.

    Raises:
        ValueError: see `ilora.generative.quantisation.check_vectors`.
    """
    check_vectors(vectors, "item vectors")
    residuals = vectors.numpy().astype(np.float64)
    codes, codebooks = [], []
    for level in range(levels):
        centroids, nearest = k_means(residuals, size, derived_seed(seed, level))
        residuals = residuals - centroids[nearest]
        codes.append(torch.from_numpy(nearest))
        codebooks.append(torch.from_numpy(centroids).float())
    return Quantisation(torch.stack(codes, dim=1), tuple(codebooks))


def k_means(points: NDArray[np.float64], clusters: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scikit-learn's centroids, (clusters, width), and the nearest centroid of each point, (points,).

    Args:
        points: (points, width).
        clusters: number of clusters; reduced to the number of distinct points if there are fewer.
        seed: random seed of the initialisation.
    """
    # Residuals of points that are centroids differ from zero by rounding, and would count as distinct points.
    different = len(np.unique(points.round(9), axis=0))
    # One thread: the order of summation, and so the last digits of a centroid, must not depend on the machine's load.
    with threadpool_limits(limits=1):
        fitted = KMeans(min(clusters, different), n_init=1, random_state=seed).fit(points)
        return fitted.cluster_centers_, fitted.predict(points).astype(np.int64)
