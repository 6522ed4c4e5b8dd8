"""The protocols `released` and `random_users`: users are split 8:1:1, as in the paper.

Paper: iLoRA (arXiv 2408.10159), Section 4.1; where its text and its files differ, we follow the files. Training users
contribute every window, all others only the window of their last item. Candidates other than the target are drawn from
outside the prompt's history. The protocols differ in how users are split: by the released files, or by a seed.
"""

import pyarrow as pa

from ilora.data.splits import UserSplit, split_by_user
from ilora.data.windows import cut_windows


def make_sequences(
    interactions: pa.Table, split_users: UserSplit, *, minimum_history: int, maximum_history: int
) -> pa.Table:
    """Return the sequences: every window of a training user, and one window of each other user.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        split_users: function that returns the split of every user.
        minimum_history: see `cut_windows`.
        maximum_history: see `cut_windows`.

    Returns:
        A table of schema `SEQUENCES`.

    Raises:
        ValueError: see `split_users` and `cut_windows`.
    """
    split_of_user = split_users(interactions["raw_user_id"].unique().to_pylist())
    split_of_target = split_by_user(interactions, split_of_user)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
