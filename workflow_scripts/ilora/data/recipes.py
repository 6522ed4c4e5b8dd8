"""Recipes: how a data set is filtered, its items numbered and its sequences ordered."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from ilora.data.interactions import number_numerically, order_by_time
from ilora.data.steps import Step


@dataclass(frozen=True)
class FilterSettings:
    """The filter settings in a study's `data`; a built-in data set declares which of them it uses.

    Attributes:
        minimum_rating: lower ratings are not interactions; None keeps every rating, and data without ratings.
        sample_seed: seed of random samples.
    """

    minimum_rating: float | None = None
    sample_seed: int = 0


def numerically(raw_items: pa.Table) -> Step:
    """Return the step that numbers items by their raw ids, independent of the order of `raw_items`."""
    return number_numerically()


@dataclass(frozen=True)
class Recipe:
    """How one data set is prepared.

    Attributes:
        filters: returns the filter steps, in order.
        numbering: from a table of schema `RAW_ITEMS` to the step that assigns dense ids to the items that occur.
        order: returns the step that orders each user's sequence; the protocol `chronological` has its own.
        catalogue: from a table of schema `RAW_ITEMS` to the rows that form the catalogue in the order of their ids,
            whether they occur or not, instead of `numbering`; None if the catalogue is the items that occur.
    """

    filters: Callable[[FilterSettings], list[Step]]
    numbering: Callable[[pa.Table], Step] = numerically
    order: Callable[[], Step] = order_by_time
    catalogue: Callable[[pa.Table], pa.Table] | None = None
