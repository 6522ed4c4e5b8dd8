"""Cosines between the gradients of groups of sequences, from the Gram matrix of their blocks.

A group's gradient is the mean over its b blocks, so inner products between groups are means of a Gram matrix G:

    <g, h> = 1/b^2 sum_cd G[g, c, h, d],    |g|^2 = D/b + (1 - 1/b) U,

with D the mean squared norm of a block and U the mean product of two different blocks of the group. Blocks are
samples of the group's sequences: U is an unbiased estimate of the squared norm of the gradient on all of its sequences,
and D/b - U/b is the contribution of sampling noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Similarities:
    """Cosines of all groups; the attributes share optional leading axes (resamples).

    Attributes:
        cosine: cosine between groups, float64 [..., groups, groups], 1 on the diagonal.
        halves: cosine between two halves of one group, float64 [..., groups]; see `measure`.
    """

    cosine: Array
    halves: Array


def measure(gram: Array) -> Similarities:
    """Return the cosines between groups, and between two halves of each group, for one module.

    The latter averages numerator and denominator over all ways to halve a group's blocks:
    U / (2 D/b + (1 - 2/b) U), with U in the denominator clipped at 0. It is NaN for a single block.

    Args:
        gram: float64 [groups, blocks, groups, blocks].

    Raises:
        ValueError: the gradient of a group is zero.
    """
    inner, own, different = _moments(gram, np.ones((1, *gram.shape[:2])))
    norms = inner[0].diagonal()
    if not (norms > 0).all():
        raise ValueError(f"the gradients of the groups at {np.flatnonzero(norms <= 0).tolist()} are zero")
    return Similarities(_cosine(inner, norms[None])[0], _between_halves(own, different, gram.shape[1])[0])


def measure_resampled(gram: Array, weights: Array) -> Similarities:
    """Return the similarities for resamples of the blocks within their groups.

    A resample contains some blocks more than once, and their noise does not average out: without correction, gradients
    would be longer than in the sample, and cosines smaller. Squared norms are therefore composed from D and U, with U
    over pairs of different blocks only (clipped at 0), which removes this bias.

    Args:
        gram: float64 [groups, blocks, groups, blocks], with two or more blocks.
        weights: number of draws of each block, float64 [resamples, groups, blocks], from `resampled_blocks`.

    Returns:
        The similarities, with resamples as leading axis.
    """
    blocks = gram.shape[1]
    inner, own, different = _moments(gram, weights)
    norms = own / blocks + (1 - 1 / blocks) * np.maximum(different, 0.0)
    return Similarities(_cosine(inner, norms), _between_halves(own, different, blocks))


def noise_ceiling(halves: Array) -> Array:
    """Return the expected cosine between two samples of one group, each as large as the present sample.

    A group is not expected to be more similar to another group than to itself, so a low cosine below a low ceiling is
    inconclusive. The ceiling is the cosine between halves with the Spearman-Brown correction (1910) to the full sample,
    2 h / (1 + h). Pass means over modules, since the correction of a single noisy value is biased.

    Args:
        halves: cosines between two halves, float64 [...].
    """
    return 2 * halves / (1 + halves)


def deal_blocks(groups: int, blocks: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """Assign the blocks of all groups to as many random groups of equal size, spreading each group evenly.

    Args:
        groups: number of groups.
        blocks: number of blocks per group.
        seed: random seed of the assignment.

    Returns:
        The blocks of each random group, numbered in their original order, int64 [groups, blocks].
    """
    generator = np.random.default_rng(seed)
    cards = np.arange(groups * blocks).reshape(groups, blocks)
    cards = generator.permuted(generator.permutation(cards), axis=1)
    return generator.permutation(cards.reshape(blocks, groups).T)


def regroup(gram: Array, dealt: NDArray[np.int64]) -> Array:
    """Return the Gram matrix, float64 [groups, blocks, groups, blocks], of the random groups from `deal_blocks`."""
    flat = dealt.ravel()
    return gram.reshape(len(flat), len(flat))[np.ix_(flat, flat)].reshape(gram.shape)


def resampled_blocks(groups: int, blocks: int, samples: int, seed: Sequence[int]) -> Array:
    """Return the number of draws of each block in each resample, [samples, groups, blocks].

    If a group's resample consists of a single repeated block, it carries no information about noise and is redrawn.
    """
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=(samples, groups)).astype(float)
    while blocks > 1 and (degenerate := counts.max(axis=-1) == blocks).any():
        counts[degenerate] = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=int(degenerate.sum()))
    return counts


def _moments(gram: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return the inner products of groups [s, g, g], D [s, g] and U [s, g] under weights [s, g, b]."""
    groups, blocks = gram.shape[:2]
    half = np.einsum("sgb,gbhc->sghc", weights, gram, optimize=True)
    inner = np.einsum("sghc,shc->sgh", half, weights, optimize=True) / blocks**2
    every = np.arange(groups)
    squared_norms = gram[every[:, None], np.arange(blocks), every[:, None], np.arange(blocks)]
    own = (weights * squared_norms).sum(axis=-1) / blocks
    repeated = (weights**2 * squared_norms).sum(axis=-1)
    pairs = blocks**2 - (weights**2).sum(axis=-1)
    products = blocks**2 * inner[:, every, every] - repeated
    different = np.divide(products, pairs, out=np.zeros_like(products), where=pairs > 0)
    return inner, own, different


def _between_halves(own: Array, different: Array, blocks: int) -> Array:
    if blocks < 2:
        return np.full_like(own, np.nan)
    return different / (2 * own / blocks + (1 - 2 / blocks) * np.maximum(different, 0.0))


def _cosine(inner: Array, norms: Array) -> Array:
    lengths = np.sqrt(norms)
    cosine = inner / (lengths[:, :, None] * lengths[:, None, :])
    every = np.arange(cosine.shape[-1])
    cosine[:, every, every] = 1.0
    return cosine
