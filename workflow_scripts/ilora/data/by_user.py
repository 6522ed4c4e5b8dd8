"""The protocols `released` and `random_users`: users are split 8:1:1, as the paper's were.

Paper: iLoRA (arXiv 2408.10159), section 4.1; where its text and its files differ, the files count. Training users give
every window and all others the window of their last item; other candidates are drawn outside the history of the prompt.
The protocols differ in who splits the users: the released files, or a seed.
"""

import pyarrow as pa

from ilora.data.splits import UserSplit, split_by_user
from ilora.data.windows import cut_windows


def make_sequences(
    interactions: pa.Table, split_users: UserSplit, *, minimum_history: int, maximum_history: int
) -> pa.Table:
    """Return the sequences: every window of a training user, one of each other user.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        split_users: gives the split of every user.
        minimum_history: as `cut_windows` takes it.
        maximum_history: as `cut_windows` takes it.

    Returns:
        A table of schema `SEQUENCES`.

    Raises:
        ValueError: as `split_users` and `cut_windows` raise it.
    """
    split_of_user = split_users(interactions["raw_user_id"].unique().to_pylist())
    split_of_target = split_by_user(interactions, split_of_user)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
