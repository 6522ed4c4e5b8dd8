"""The protocol `published`: what the released split files of LLaRA and iLoRA contain, rebuilt from raw data.

Paper: iLoRA (arXiv 2408.10159), section 4.1; where its text and its files differ, the files count.
"""

import pyarrow as pa

from ilora.data.interactions import describe_items, keep_minimum_rating, number_users_and_items, order_by_time
from ilora.data.raw import RawData
from ilora.data.splits import split_users
from ilora.data.windows import cut_windows


def prepare_movielens(raw: RawData, *, minimum_rating: float) -> tuple[pa.Table, pa.Table]:
    """Return interactions and items: ratings of at least `minimum_rating`, by time, ties at random.

    Returns:
        Tables of the schemas `INTERACTIONS` and `ITEMS`.

    Raises:
        ValueError: no rating is high enough.
    """
    kept = keep_minimum_rating(raw.interactions, minimum_rating)
    interactions = order_by_time(number_users_and_items(kept))
    return interactions, describe_items(interactions, raw.items)


def make_sequences(interactions: pa.Table, *, split_seed: int, minimum_history: int, maximum_history: int) -> pa.Table:
    """Return the sequences: users split 8:1:1, every window of a training user, one of each other user.

    Args and errors are those of `split_users` and `cut_windows`; the result has the schema `SEQUENCES`.
    """
    split_of_user = split_users(interactions["raw_user_id"].to_pylist(), split_seed)
    return cut_windows(interactions, split_of_user, minimum_history=minimum_history, maximum_history=maximum_history)
