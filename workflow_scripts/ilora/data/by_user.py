"""The protocol `random_users`: what the released split files of LLaRA and iLoRA contain, rebuilt from raw data.

Paper: iLoRA (arXiv 2408.10159), section 4.1; where its text and its files differ, the files count. Users are split
8:1:1, training users give every window and all others the window of their last item, and other candidates are drawn
outside the history of the prompt.
"""

import pyarrow as pa

from ilora.data.splits import split_by_user, split_users
from ilora.data.windows import cut_windows


def make_sequences(interactions: pa.Table, *, split_seed: int, minimum_history: int, maximum_history: int) -> pa.Table:
    """Return the sequences: users split 8:1:1, every window of a training user, one of each other user.

    Args and errors are those of `split_users` and `cut_windows`; the result has the schema `SEQUENCES`.
    """
    split_of_user = split_users(interactions["raw_user_id"].unique().to_pylist(), split_seed)
    split_of_target = split_by_user(interactions, split_of_user)
    return cut_windows(interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history)
