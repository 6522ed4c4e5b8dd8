"""The protocol `gap`: leave-one-out in time order, with the items just before the last one withheld from training.

For a user with n items and a gap g, item n - 1 (counted from 0) is a test target, with all earlier items in its
history, including the withheld ones. The g items from n - 1 - g to n - 2 are withheld; the first of them is a second
test target, without a gap before it. The item before that is the validation target, and all earlier ones are for
training. So one training supports both tests of CaseQ (Yang et al. 2022, arXiv 2210.13005). Users with fewer than 3 + g
items are used only for training. Candidates other than the target are drawn from outside the user's whole sequence, as
in `chronological`.
"""

import pyarrow as pa

from ilora.data.splits import split_with_gap
from ilora.data.windows import cut_windows


def make_sequences(interactions: pa.Table, gap: int, *, minimum_history: int, maximum_history: int) -> pa.Table:
    """Return the sequences: two test windows, a validation window and the training windows of each long enough user.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        gap: number of withheld items per user, at least 1.
        minimum_history: see `cut_windows`.
        maximum_history: see `cut_windows`.

    Returns:
        A table of schema `SEQUENCES`.

    Raises:
        ValueError: see `split_with_gap` and `cut_windows`.
    """
    split_of_target = split_with_gap(interactions, gap)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
