"""Assigns whole users to the splits train, val and test."""

import hashlib
import logging
from collections.abc import Iterable

logger = logging.getLogger(__name__)

#: The splits, in the order in which their sequences are numbered.
SPLITS = ("train", "val", "test")


def split_users(raw_user_ids: Iterable[str], seed: int) -> dict[str, str]:
    """Return the split of every user: at random, 8:1:1.

    The order from which the splits are cut is that of a hash of (seed, raw user id), so it depends neither on
    the order of the input nor on any library's random generator. Of n users, the first floor(0.8 n) are
    train, those up to floor(0.9 n) val and the rest test (943 users: 754, 94, 95).

    Raises:
        ValueError: there are so few users that a split would be empty.
    """
    shuffled = sorted(set(raw_user_ids), key=lambda raw_user_id: (_position(seed, raw_user_id), raw_user_id))
    end_of_train, end_of_val = len(shuffled) * 8 // 10, len(shuffled) * 9 // 10
    members = {
        "train": shuffled[:end_of_train],
        "val": shuffled[end_of_train:end_of_val],
        "test": shuffled[end_of_val:],
    }
    sizes = {split: len(users) for split, users in members.items()}
    if not all(sizes.values()):
        raise ValueError(f"{len(shuffled)} users are too few to split 8:1:1; the splits would have {sizes} users.")
    logger.info("split users: %d in, %s out", len(shuffled), sizes)
    return {user: split for split, users in members.items() for user in users}


def _position(seed: int, raw_user_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0split\0{raw_user_id}".encode(), digest_size=16).digest()
