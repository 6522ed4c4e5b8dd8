"""The protocol `chronological`: leave-one-out in real time order, what a reader of the paper would assume.

Of every user the last item is the test target, the one before it the validation target, and all before both are for
training. Other candidates are drawn outside the user's whole sequence. As always with leave-one-out, training items of
some users are later in time than test items of others.
"""

import pyarrow as pa

from ilora.data.splits import split_leaving_one_out
from ilora.data.windows import cut_windows


def make_sequences(interactions: pa.Table, *, minimum_history: int, maximum_history: int) -> pa.Table:
    """Return the sequences: of each user one test window, one validation window, and the training windows before.

    No training window holds a held-out item of its user, neither in the history nor as the target.

    Args and errors are those of `cut_windows`; the result has the schema `SEQUENCES`.
    """
    split_of_target = split_leaving_one_out(interactions)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
