"""Slates of items, and clicks that are biased by position.

A user clicks on an item that was examined and is liked. Whether a position is examined depends on the position alone
(the position-based model: Richardson et al. 2007; Craswell et al. 2008, Section 3), and whether an item is liked on
user and item alone, so that at position k an item is clicked on with probability e_k r.
"""

import numpy as np
from numpy.typing import NDArray

Slates = NDArray[np.int64]
"""Items that are shown, int64 [visits, positions], the first position first."""

Numbers = NDArray[np.float64]


def top_items(scores: Numbers, positions: int, generator: np.random.Generator) -> Slates:
    """Return the items with the highest scores, the highest first, equal ones in random order.

    Args:
        scores: float [visits, items].
        positions: of a slate.
        generator: of the order of equal scores; as many numbers are drawn whether there are such or not.
    """
    ties = generator.random(scores.shape)
    order: Slates = np.lexsort((ties, -scores), axis=1)
    return order[:, :positions]


def shown_relevance(relevance: Numbers, slates: Slates) -> Numbers:
    """Return the relevance of what is shown, float64 [visits, positions], from that of all items [visits, items]."""
    return np.take_along_axis(relevance, slates, axis=1)


def expected_clicks(shown: Numbers, examination: Numbers) -> Numbers:
    """Return the expected clicks of each visit, sum over positions of e_k r_k, float64 [visits].

    Args:
        shown: relevance of what is shown, float64 [visits, positions].
        examination: probability that each position is examined, float64 [positions].
    """
    clicks: Numbers = (shown * examination).sum(axis=1)
    return clicks


def most_expected_clicks(relevance: Numbers, examination: Numbers) -> Numbers:
    """Return the expected clicks of the best slate of each visit, float64 [visits].

    Args:
        relevance: of all items, float64 [visits, items].
        examination: in descending order, float64 [positions]: then the best slate has the most relevant items in
            descending order (rearrangement inequality).
    """
    best = -np.sort(-relevance, axis=1)[:, : len(examination)]
    return expected_clicks(best, examination)


def draw_clicks(
    relevance: Numbers, slates: Slates, examination: Numbers, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw which of the shown items are clicked on, bool [visits, positions].

    Whether an item is liked is drawn for all items, shown or not, so that a visit has the same taste and the same
    attention whatever it is shown.

    Args:
        relevance: of all items, float64 [visits, items].
        slates: what is shown.
        examination: probability that each position is examined, float64 [positions].
        generator: of the draws.
    """
    liked = generator.random(relevance.shape) < relevance
    examined = generator.random(slates.shape) < examination
    return np.take_along_axis(liked, slates, axis=1) & examined
