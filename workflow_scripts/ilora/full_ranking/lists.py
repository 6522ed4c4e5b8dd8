"""Methods that answer with a list, such as those a beam search finds, as scores of all items.

An item has the place of its id in the list. Items of one id share the places of all of them, and those whose id is not
listed share what is left, so that a short list is neither rewarded nor punished beyond chance.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ilora.full_ranking.ranks import ItemIds


def scores_of_lists(lists: Sequence[Sequence[int]], ids: ItemIds) -> npt.NDArray[np.float64]:
    """Return scores that rank items as lists of their ids do, for `ilora.full_ranking.ranks.rank_targets`.

    Args:
        lists: for each sequence the ids that were found, best first, each once; items bear all of them.
        ids: of every item, integer [items], from 0; ``numpy.arange(items)`` where each has its own.

    Returns:
        float64 [sequences, items]: how many places an item is before the end of the list, from 1; 0 if it is not in it.

    Raises:
        ValueError: a list has an id twice, or one that no item bears.
    """
    known = np.bincount(ids) > 0
    of_ids = np.zeros((len(lists), len(known)))
    for row, listed in enumerate(lists):
        found = np.asarray(listed, dtype=np.int64)
        if len(np.unique(found)) < len(found):
            raise ValueError(f"list {row} has {len(found) - len(np.unique(found))} ids twice, expected each once")
        unknown = [each for each in found.tolist() if not (0 <= each < len(known) and known[each])]
        if unknown:
            raise ValueError(f"list {row} has id {unknown[0]}, which no item bears")
        of_ids[row, found] = np.arange(len(found), 0, -1)
    return of_ids[:, ids]
