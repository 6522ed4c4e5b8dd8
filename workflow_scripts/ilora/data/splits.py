"""Assignment of interactions, as targets, to the splits train, val and test."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.data.positions import locate

logger = logging.getLogger(__name__)

#: The splits, in the order of their sequence ids.
SPLITS = ("train", "val", "test")

#: Code of an interaction that is not a target in any split.
NO_SPLIT = -1

SplitOfTarget = npt.NDArray[np.int8]

#: From raw user ids to the split of each of them: "train", "val" or "test".
UserSplit = Callable[[Iterable[str]], dict[str, str]]

_TRAIN, _VAL, _TEST = range(len(SPLITS))


def split_users(raw_user_ids: Iterable[str], seed: int) -> dict[str, str]:
    """Return a random 8:1:1 split of the users.

    Users are ordered by a hash of (seed, raw user id), so the split depends neither on the order of the input nor on
    any library's random generator. Of n users, the first floor(0.8 n) are train, those up to floor(0.9 n) val, and the
    rest test (943 users: 754, 94, 95).

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


def hold_out_users(raw_user_ids: Iterable[str], held_out: Mapping[str, str]) -> dict[str, str]:
    """Return the split of every user: "val" or "test" for the held-out users, and "train" for all others.

    Args:
        raw_user_ids: every user.
        held_out: raw user id -> "val" or "test".

    Raises:
        ValueError: a held-out user does not occur, so that the split belongs to other data, or a split has no user.
    """
    users = set(raw_user_ids)
    missing = sorted(held_out.keys() - users)
    if missing:
        raise ValueError(
            f"{len(missing)} of the {len(held_out)} validation and test users of the released files do not occur, such "
            f"as user {missing[0]}: these are not the data that were split. Use the complete raw files and the "
            "settings of config.yaml, or the protocol random_users."
        )
    return _with_all_splits({user: held_out.get(user, "train") for user in users}, "the released files")


def split_as_named(raw_user_ids: Iterable[str], named: Mapping[str, str], where: str) -> dict[str, str]:
    """Return the split of every user according to a table that lists all of them.

    Args:
        raw_user_ids: every user.
        named: raw user id -> "train", "val" or "test"; users who are not among `raw_user_ids` are counted and logged.
        where: origin of the table, for messages.

    Raises:
        ValueError: a user is not listed, or a split has no user.
    """
    users = list(dict.fromkeys(raw_user_ids))
    unnamed = [user for user in users if user not in named]
    if unnamed:
        raise ValueError(
            f"{where}: found no split for {len(unnamed)} of the {len(users)} users, such as '{unnamed[0]}'; expected "
            f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]} for each."
        )
    logger.info("%s: %d users listed, %d of them occur", where, len(named), len(users))
    return _with_all_splits({user: named[user] for user in users}, where)


def _with_all_splits(split_of_user: dict[str, str], where: str) -> dict[str, str]:
    sizes = {split: list(split_of_user.values()).count(split) for split in SPLITS}
    empty = [split for split, size in sizes.items() if not size]
    if empty:
        raise ValueError(f"{where}: found no user in the split '{empty[0]}' ({sizes}), expected some in each.")
    logger.info("split users: %d in, %s out", len(split_of_user), sizes)
    return split_of_user


def split_by_user(interactions: pa.Table, split_of_user: Mapping[str, str]) -> SplitOfTarget:
    """Return the split of each interaction as a target: all of a training user's, but only the last of another's.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        split_of_user: raw user id -> "train", "val" or "test".

    Returns:
        int8 [rows]: an index into `SPLITS`, or `NO_SPLIT`.

    Raises:
        ValueError: a user's rows are not together.
    """
    positions = locate(interactions["user_id"].to_numpy())
    users = interactions["raw_user_id"].take(pa.array(positions.first_rows)).to_pylist()
    of_users = np.array([SPLITS.index(split_of_user[user]) for user in users], dtype=np.int8)
    split_of_target = np.repeat(of_users, positions.lengths)
    split_of_target[(split_of_target != _TRAIN) & (positions.from_end > 0)] = NO_SPLIT
    return split_of_target


def split_leaving_one_out(interactions: pa.Table) -> SplitOfTarget:
    """Return the split of each interaction as a target: a user's last is test, the one before val, the rest train.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.

    Returns:
        int8 [rows]: an index into `SPLITS`.

    Raises:
        ValueError: a user's rows are not together.
    """
    positions = locate(interactions["user_id"].to_numpy())
    split_of_target = np.full(interactions.num_rows, _TRAIN, dtype=np.int8)
    split_of_target[positions.from_end == 1] = _VAL
    split_of_target[positions.from_end == 0] = _TEST
    sizes = {split: np.count_nonzero(split_of_target == code) for code, split in enumerate(SPLITS)}
    logger.info("split leaving one out: %d interactions in, %s out", interactions.num_rows, sizes)
    return split_of_target


def split_with_gap(interactions: pa.Table, gap: int) -> SplitOfTarget:
    """Return the split of each interaction as a target, with the `gap` interactions before each user's last withheld.

    For a user with at least 3 + gap interactions, the last one and the first withheld one are test, the one before that
    is val, the earlier ones are train, and the other withheld ones are not targets. All interactions of other users are
    train.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in order.
        gap: number of withheld interactions per user, at least 1.

    Returns:
        int8 [rows]: an index into `SPLITS`, or `NO_SPLIT`.

    Raises:
        ValueError: a user's rows are not together.
    """
    positions = locate(interactions["user_id"].to_numpy())
    split_of_target = np.full(interactions.num_rows, _TRAIN, dtype=np.int8)
    is_split = positions.from_start + positions.from_end + 1 >= 3 + gap
    split_of_target[is_split & (positions.from_end <= gap)] = NO_SPLIT
    split_of_target[is_split & np.isin(positions.from_end, (0, gap))] = _TEST
    split_of_target[is_split & (positions.from_end == gap + 1)] = _VAL
    sizes = {split: np.count_nonzero(split_of_target == code) for code, split in enumerate(SPLITS)}
    logger.info("split with a gap of %d: %d interactions in, %s out", gap, interactions.num_rows, sizes)
    return split_of_target


def _position(seed: int, raw_user_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0split\0{raw_user_id}".encode(), digest_size=16).digest()
