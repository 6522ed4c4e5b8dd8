"""The protocol `chronological`: leave-one-out in real time order, which a reader of the paper would expect.

Each user's last item is the test target, the one before it the validation target, and all earlier items are for
training. Candidates other than the target are drawn from outside the user's whole sequence. As always with
leave-one-out, some users' training items are later in time than other users' test items.
"""

import pyarrow as pa

from ilora.data.splits import split_leaving_one_out
from ilora.data.windows import cut_windows


def make_sequences(interactions: pa.Table, *, minimum_history: int, maximum_history: int) -> pa.Table:
    """Return the sequences: one test window, one validation window and the training windows of each user.

    No training window contains a held-out item of its user, neither in the history nor as the target.

    Arguments and errors are those of `cut_windows`; the result has the schema `SEQUENCES`.
    """
    split_of_target = split_leaving_one_out(interactions)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
