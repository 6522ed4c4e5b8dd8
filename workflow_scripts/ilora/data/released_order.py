"""The order of a user's ratings in the released MovieLens files, ties included.

Their authors took each user's ratings in the order of the raw file and sorted them by time with NumPy's default sort,
which is not stable: the order within one timestamp results from its swaps. The implementation below reproduces all 189
released validation and test rows. NumPy itself reproduces 27 of them on a processor with AVX-512, where it uses another
sort.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ilora.data.positions import locate
from ilora.data.steps import Step

#: Largest distance between the first and last key of a part that is sorted by insertion: parts of at most 16 keys.
_SHORT = 15


def order_as_released() -> Step:
    """Return the step that orders by user and timestamp, with ties in the order that introsort produces.

    Each user's rows must be in the order of the raw file.
    """
    return Step("order by time, ties as released", _order)


def introsort(keys: Sequence[int]) -> list[int]:
    """Return the positions of the keys in ascending order, with ties in the order that introsort produces.

    This is quicksort with the median of three as pivot and insertion sort for short parts, as in NumPy's `argsort`
    before it used vector instructions. NumPy switches to heapsort at a recursion depth of 2 log2(n), which the ratings
    of MovieLens-100K never reach.
    """
    order = list(range(len(keys)))
    parts = [(0, len(keys) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first <= _SHORT:
            # Insertion sort is stable, so any stable sort gives the same result.
            order[first : last + 1] = sorted(order[first : last + 1], key=keys.__getitem__)
        else:
            pivot = _partition(keys, order, first, last)
            parts += [(first, pivot - 1), (pivot + 1, last)]
    return order


def _partition(keys: Sequence[int], order: list[int], first: int, last: int) -> int:
    """Put smaller keys before the pivot and larger ones after it, in place; return where the pivot ends up."""

    def swap(one: int, other: int) -> None:
        order[one], order[other] = order[other], order[one]

    middle = first + (last - first) // 2
    for lower, upper in ((first, middle), (middle, last), (first, middle)):
        if keys[order[upper]] < keys[order[lower]]:
            swap(lower, upper)
    pivot = keys[order[middle]]
    swap(middle, last - 1)
    left, right = first, last - 1
    while True:
        left += 1
        while keys[order[left]] < pivot:
            left += 1
        right -= 1
        while pivot < keys[order[right]]:
            right -= 1
        if left >= right:
            break
        swap(left, right)
    swap(left, last - 1)
    return left


def _order(interactions: pa.Table) -> pa.Table:
    by_user = interactions.take(pa.array(np.argsort(interactions["user_id"].to_numpy(), kind="stable")))
    positions = locate(by_user["user_id"].to_numpy())
    timestamps = by_user["timestamp"].to_pylist()
    rows = [
        first + row
        for first, length in zip(positions.first_rows.tolist(), positions.lengths.tolist(), strict=True)
        for row in introsort(timestamps[first : first + length])
    ]
    return by_user.take(pa.array(rows))
