"""Takes a share of the training users; validation and test users stay as they are.

The users are taken from the beginning of one order, so that of one seed a smaller share is part of every larger one.
The order is that of a hash of (seed, raw user id): it depends neither on the order of the input nor on any library's
random generator.
"""

import hashlib
import logging

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

logger = logging.getLogger(__name__)


def keep_training_users(sequences: pa.Table, percent: int, *, seed: int) -> pa.Table:
    """Return the sequences without the training windows of all but a share of the training users.

    Args:
        sequences: table of schema `SEQUENCES`.
        percent: share of the users with a training window, rounded up to whole users; 1 to 100.
        seed: of the order in which they are taken.

    Returns:
        A table of schema `SEQUENCES`, numbered anew, in the same order.
    """
    is_training = pc.equal(sequences["split"], "train")
    users = pc.unique(sequences["raw_user_id"].filter(is_training)).to_pylist()
    taken = sorted(users, key=lambda user: (_place(seed, user), user))[: number_of_users(len(users), percent)]
    kept = sequences.filter(pc.or_(pc.invert(is_training), pc.is_in(sequences["raw_user_id"], pa.array(taken))))
    logger.info(
        "training users: %d in, %d out; training windows: %d in, %d out",
        len(users),
        len(taken),
        pc.sum(is_training).as_py(),
        kept.num_rows - sequences.num_rows + pc.sum(is_training).as_py(),
    )
    return kept.set_column(0, sequences.schema.field("sequence_id"), pa.array(np.arange(kept.num_rows, dtype=np.int32)))


def number_of_users(users: int, percent: int) -> int:
    """Return how many of so many users a share is, rounded up."""
    return -(-users * percent // 100)


def _place(seed: int, raw_user_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0training users\0{raw_user_id}".encode(), digest_size=16).digest()
