"""The protocol `gap`: leave-one-out in time order, with the items just before the last one withheld from training.

Of a user's n items and a gap g, the item n - 1 (from 0) is a test target whose history holds all before it, the
withheld ones too. The g items from n - 1 - g to n - 2 are withheld; the first of them is a second test target, without
a gap before it. The item before that is the validation target, and all before it are for training. So one training has
both tests of CaseQ (Yang et al. 2022, arXiv 2210.13005). Users with fewer than 3 + g items are for training alone.
Other candidates are drawn outside the user's whole sequence, as in `chronological`.
"""

import pyarrow as pa

from ilora.data.splits import split_with_gap
from ilora.data.windows import cut_windows


def make_sequences(interactions: pa.Table, gap: int, *, minimum_history: int, maximum_history: int) -> pa.Table:
    """Return the sequences: of each long enough user two test windows, a validation window and the training windows.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        gap: items that are withheld, at least 1.
        minimum_history: as `cut_windows` takes it.
        maximum_history: as `cut_windows` takes it.

    Returns:
        A table of schema `SEQUENCES`.

    Raises:
        ValueError: as `split_with_gap` and `cut_windows` raise it.
    """
    split_of_target = split_with_gap(interactions, gap)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
