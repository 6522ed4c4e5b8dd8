"""What is kept of a data set, how its items are numbered and how its sequences are ordered."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from ilora.data.interactions import number_numerically, order_by_time
from ilora.data.steps import Step


@dataclass(frozen=True)
class FilterSettings:
    """What a study's `data` says of filters; a built-in data set names those that it reads.

    Attributes:
        minimum_rating: lower ratings are no interaction; None keeps every rating, and data without ratings.
        sample_seed: of random samples.
    """

    minimum_rating: float | None = None
    sample_seed: int = 0


def numerically(raw_items: pa.Table) -> Step:
    """Return the step that numbers items by their raw ids, whatever the order in which they are described."""
    return number_numerically()


@dataclass(frozen=True)
class Recipe:
    """How one data set is prepared.

    Attributes:
        filters: the steps that drop interactions, in their order.
        numbering: from a table of schema `RAW_ITEMS` to the step that gives dense ids to the items that occur.
        order: gives the step that puts each user's sequence in order; the protocol `chronological` has its own.
        catalogue: from a table of schema `RAW_ITEMS` to those of its rows that are items whether they occur or not, in
            the order of their ids, without `numbering`; None for the items that occur.
    """

    filters: Callable[[FilterSettings], list[Step]]
    numbering: Callable[[pa.Table], Step] = numerically
    order: Callable[[], Step] = order_by_time
    catalogue: Callable[[pa.Table], pa.Table] | None = None
