"""Scores of all items from lists of ids, such as the results of a beam search.

An item has the position of its id in the list. Items with the same id are tied, and so are all items whose id is not
listed, so that a short list is neither rewarded nor penalised beyond chance.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ilora.full_ranking.ranks import ItemIds


def scores_of_lists(lists: Sequence[Sequence[int]], ids: ItemIds) -> npt.NDArray[np.float64]:
    """Return scores that rank items in the order of lists of ids, for `ilora.full_ranking.ranks.rank_targets`.

    Args:
        lists: ids found for each sequence, best first, without duplicates; every id must belong to an item.
        ids: id of every item, integer [items], from 0; ``numpy.arange(items)`` if ids are unique.

    Returns:
        float64 [sequences, items]: positions from the end of the list, from 1; 0 for items that are not in it.

    Raises:
        ValueError: a list has a duplicate id, or one that belongs to no item.
    """
    known = np.bincount(ids) > 0
    of_ids = np.zeros((len(lists), len(known)))
    for row, listed in enumerate(lists):
        found = np.asarray(listed, dtype=np.int64)
        if len(np.unique(found)) < len(found):
            raise ValueError(f"list {row} has {len(found) - len(np.unique(found))} duplicates, expected each id once")
        unknown = [each for each in found.tolist() if not (0 <= each < len(known) and known[each])]
        if unknown:
            raise ValueError(f"list {row} has id {unknown[0]}, which belongs to no item")
        of_ids[row, found] = np.arange(len(found), 0, -1)
    return of_ids[:, ids]
