"""Slates of items, and clicks with position bias.

A user clicks on an item that is both examined and relevant. Examination depends only on the position (the
position-based model: Richardson et al. 2007; Craswell et al. 2008, Section 3), and relevance only on user and item, so
that an item at position k is clicked with probability e_k r.
"""

import numpy as np
from numpy.typing import NDArray

Slates = NDArray[np.int64]
"""Items shown, int64 [visits, positions], in the order of positions."""

Numbers = NDArray[np.float64]


def top_items(scores: Numbers, positions: int, generator: np.random.Generator) -> Slates:
    """Return the items with the highest scores, in descending order, with ties in random order.

    Args:
        scores: float [visits, items].
        positions: number of positions of a slate.
        generator: generator for tie-breaking; the number of draws does not depend on whether there are ties.
    """
    ties = generator.random(scores.shape)
    order: Slates = np.lexsort((ties, -scores), axis=1)
    return order[:, :positions]


def shown_relevance(relevance: Numbers, slates: Slates) -> Numbers:
    """Return the relevance of the shown items, float64 [visits, positions], from that of all items [visits, items]."""
    return np.take_along_axis(relevance, slates, axis=1)


def expected_clicks(shown: Numbers, examination: Numbers) -> Numbers:
    """Return the expected clicks of each visit, sum over positions of e_k r_k, float64 [visits].

    Args:
        shown: relevance of the shown items, float64 [visits, positions].
        examination: probability that each position is examined, float64 [positions].
    """
    clicks: Numbers = (shown * examination).sum(axis=1)
    return clicks


def most_expected_clicks(relevance: Numbers, examination: Numbers) -> Numbers:
    """Return the expected clicks of the best slate of each visit, float64 [visits].

    Args:
        relevance: relevance of all items, float64 [visits, items].
        examination: probability that each position is examined, float64 [positions], in descending order. The best
            slate then has the most relevant items in descending order (rearrangement inequality).
    """
    best = -np.sort(-relevance, axis=1)[:, : len(examination)]
    return expected_clicks(best, examination)


def draw_clicks(
    relevance: Numbers, slates: Slates, examination: Numbers, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw which of the shown items are clicked, bool [visits, positions].

    Whether a user likes an item is drawn for all items, shown or not, so that preferences and examination at a visit do
    not depend on the slate.

    Args:
        relevance: relevance of all items, float64 [visits, items].
        slates: items shown.
        examination: probability that each position is examined, float64 [positions].
        generator: generator of the draws.
    """
    liked = generator.random(relevance.shape) < relevance
    examined = generator.random(slates.shape) < examination
    return np.take_along_axis(liked, slates, axis=1) & examined
