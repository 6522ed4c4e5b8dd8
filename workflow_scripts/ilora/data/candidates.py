"""Candidate sets: what a method must choose the next item from. Drawn once, shared by every method.

A set is a pure function of the seed, the sequence's key and the number of the draw. Its random numbers come
from SHAKE-128 of just these, block by block, and from no generator's state: neither the order of the work,
nor which other users exist, nor the version of a numerical library can change a set.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.sequences import SequenceKey

#: Random numbers, of 8 bytes each, in one block of a set's stream.
NUMBERS_PER_BLOCK = 32
#: The name of these random streams among all that a seed has.
STREAM = b"candidates"


def draw_candidates(
    key: SequenceKey,
    draw: int,
    excluded: Collection[int],
    target: int,
    *,
    number_of_items: int,
    size: int,
    seed: int,
) -> list[int]:
    """Return `size` different item ids, shuffled: the target, and others drawn uniformly.

    It takes some ten microseconds, so training can draw its sets as it goes (with the epoch as `draw`). It excludes the
    history of the window alone, whatever the protocol: sets that avoided what a user had later would tell what is held
    out.

    Args:
        key: the sequence.
        draw: number of the draw, from 0.
        excluded: item ids that are not drawn, such as those that the prompt shows.
        target: item id.
        number_of_items: size of the catalogue; item ids run from 0 to one less.
        size: number of candidates, the target included.
        seed: of the candidate draws.

    Raises:
        ValueError: the target is no item of the catalogue, `size` is below 1, or the catalogue has too few
            items that are not excluded.
    """
    _check(key, excluded, target, number_of_items, size)
    numbers = _random_numbers(set_name(key.split, key.raw_user_id, key.position, draw), seed)
    # The others come in random order, so the target at a random place makes every order equally likely. The
    # remainder's bias is below number_of_items / 2**64.
    place_of_target = next(numbers) % size
    taken = {*excluded, target}
    candidates: list[int] = []
    while len(candidates) < size - 1:
        item = next(numbers) % number_of_items
        if item not in taken:
            taken.add(item)
            candidates.append(item)
    candidates.insert(place_of_target, target)
    return candidates


def hash_candidates(key: SequenceKey, draw: int, candidates: Sequence[int]) -> str:
    """Return a digest (32 hexadecimal digits) of the sequence's key, the draw and the candidates in order."""
    name = set_name(key.split, key.raw_user_id, key.position, draw)
    return digests([name + b"\0" + ",".join(map(str, candidates)).encode()])[0]


def set_name(split: str, raw_user_id: str, position: int, draw: int) -> bytes:
    """Return what identifies a candidate set, in UTF-8: the parts of the sequence's key, and the draw."""
    return f"{split}\0{raw_user_id}\0{position}\0{draw}".encode()


def first_draws(table: pa.Table, draws: int) -> pa.Table:
    """Return the rows of every sequence's first draws, of a table of CANDIDATES or of what was chosen from them."""
    return table.filter(pc.less(table["draw"], draws))


def random_blocks(names: Iterable[bytes], length: int) -> list[bytes]:
    """Return the first `length` bytes, at most 8 * `NUMBERS_PER_BLOCK`, of each block of a random stream.

    Args:
        names: the names of the blocks: seed, `STREAM`, name of the set and number of the block, joined by zero
            bytes.
        length: bytes of each.
    """
    shake_128 = hashlib.shake_128
    return [shake_128(name).digest(length) for name in names]


def digests(contents: Iterable[bytes]) -> list[str]:
    """Return the digest (32 hexadecimal digits) of each set.

    Args:
        contents: what `set_name` gives, a zero byte, and the candidates, listed as b"3,1,2".
    """
    blake2b = hashlib.blake2b
    return [blake2b(content, digest_size=16).hexdigest() for content in contents]


def _check(key: SequenceKey, excluded: Collection[int], target: int, number_of_items: int, size: int) -> None:
    if not 0 <= target < number_of_items:
        raise ValueError(f"The target is item {target}, but the catalogue's items run from 0 to {number_of_items - 1}.")
    if size < 1:
        raise ValueError(f"A candidate set needs at least 1 item, found size {size}.")
    free = number_of_items - len({*excluded, target})
    if free < size - 1:
        raise ValueError(
            f"A set of {size} candidates needs {size - 1} items besides the target, but only {free} of the"
            f" catalogue's {number_of_items} are outside the history of user '{key.raw_user_id}'. Lower"
            " data.candidates or use more data."
        )


def _random_numbers(name: bytes, seed: int) -> Iterator[int]:
    """Yield independent uniform integers below 2**64 that depend on the arguments alone."""
    for block in count():
        block_name = b"%d\0%b\0%b\0%d" % (seed, STREAM, name, block)
        (numbers,) = random_blocks([block_name], 8 * NUMBERS_PER_BLOCK)
        yield from np.frombuffer(numbers, dtype="<u8").tolist()
