"""Cosines between the gradients of groups of sequences, from the Gram matrix of their blocks.

A group's gradient is the mean over its b blocks, so inner products of groups are means over a Gram matrix G:

    <g, h> = 1/b^2 sum_cd G[g, c, h, d],    |g|^2 = D/b + (1 - 1/b) U,

with D the mean squared norm of a block and U the mean product of two different blocks of the group. Blocks are
samples of the group's sequences: U estimates the squared norm of the gradient on all of its sequences without
bias, and D/b - U/b is what the noise of sampling adds to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Similarities:
    """Of all groups, each attribute with the same leading axes (resamples), or none.

    Attributes:
        cosine: between groups, float64 [..., groups, groups], 1 on the diagonal.
        halves: between two halves of one group, float64 [..., groups], see `measure`.
    """

    cosine: Array
    halves: Array


def measure(gram: Array) -> Similarities:
    """Return the cosines between groups, and between two halves of each, of one module.

    The latter is the mean over all ways of halving a group's blocks, in numerator and denominator:
    U / (2 D/b + (1 - 2/b) U), with U in the denominator not below 0. With a single block there are no halves, and it
    is NaN.

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
    """Return the same for resamples of the blocks within their groups.

    A resample holds some blocks twice, and their noise does not average out: its gradients are longer than those of
    a sample, and their cosines smaller. Squared norms are therefore put together from D and U, with U over pairs of
    different blocks only (and not below 0), which brings them back to a sample's.

    Args:
        gram: float64 [groups, blocks, groups, blocks], with two or more blocks.
        weights: how often each block is drawn, float64 [resamples, groups, blocks], as `resampled_blocks` gives them.

    Returns:
        Leading axis: resamples.
    """
    blocks = gram.shape[1]
    inner, own, different = _moments(gram, weights)
    norms = own / blocks + (1 - 1 / blocks) * np.maximum(different, 0.0)
    return Similarities(_cosine(inner, norms), _between_halves(own, different, blocks))


def noise_ceiling(halves: Array) -> Array:
    """Return the cosine to expect between two samples of one group, each as large as the one at hand.

    No group can be expected to resemble another one more than itself: a low cosine under a low ceiling says nothing.
    It is the cosine between halves, stepped up from half a sample to a whole one as Spearman and Brown (1910) do,
    2 h / (1 + h); give it means over modules, since a step up of a single noisy value is skewed.

    Args:
        halves: cosines between two halves, float64 [...].
    """
    return 2 * halves / (1 + halves)


def deal_blocks(groups: int, blocks: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """Deal the blocks of all groups anew, each group's as evenly as possible, to as many random groups of equal size.

    Args:
        groups: how many.
        blocks: in each.
        seed: of the deal.

    Returns:
        For each random group the blocks dealt to it, numbered group by group as they were, int64 [groups, blocks].
    """
    generator = np.random.default_rng(seed)
    cards = np.arange(groups * blocks).reshape(groups, blocks)
    cards = generator.permuted(generator.permutation(cards), axis=1)
    return generator.permutation(cards.reshape(blocks, groups).T)


def regroup(gram: Array, dealt: NDArray[np.int64]) -> Array:
    """Return the Gram matrix of random groups, both float64 [groups, blocks, groups, blocks], from `deal_blocks`."""
    flat = dealt.ravel()
    return gram.reshape(len(flat), len(flat))[np.ix_(flat, flat)].reshape(gram.shape)


def resampled_blocks(groups: int, blocks: int, samples: int, seed: Sequence[int]) -> Array:
    """Return how often each block is drawn when each group's blocks are drawn again, [samples, groups, blocks].

    A draw of one and the same block throughout says nothing of noise and is drawn anew.
    """
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=(samples, groups)).astype(float)
    while blocks > 1 and (degenerate := counts.max(axis=-1) == blocks).any():
        counts[degenerate] = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=int(degenerate.sum()))
    return counts


def _moments(gram: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Inner products of groups [s, g, g], D [s, g] and U [s, g] under weights [s, g, b]."""
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
