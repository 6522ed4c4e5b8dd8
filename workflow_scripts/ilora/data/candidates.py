"""Candidate sets, from which a method chooses the next item; drawn once and shared by all methods.

A set is a pure function of the seed, the sequence's key and the number of the draw. Its random numbers are SHAKE-128
of these, block by block. So a set does not depend on the state of a generator, the order of the work, the other users
or the version of a numerical library.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.sequences import SequenceKey

#: Random numbers of 8 bytes each per block of a set's stream.
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
    """Return `size` distinct item ids, shuffled: the target, and others drawn uniformly.

    A call takes about ten microseconds, so training draws its sets on the fly, with the epoch as `draw`. Training
    excludes only the history of the window, whatever the protocol: sets that avoid a user's later items would leak
    which items are held out.

    Args:
        key: key of the sequence.
        draw: number of the draw, from 0.
        excluded: item ids that are not drawn, such as those in the prompt.
        target: item id of the target.
        number_of_items: size of the catalogue; item ids run from 0 to `number_of_items` - 1.
        size: number of candidates, including the target.
        seed: seed of the candidate draws.

    Raises:
        ValueError: the target is not in the catalogue, `size` is below 1, or the catalogue has too few items that are
            not excluded.
    """
    _check(key, excluded, target, number_of_items, size)
    numbers = _random_numbers(set_name(key.split, key.raw_user_id, key.position, draw), seed)
    # The others are in random order, so a random place for the target makes every order equally likely. The modulo
    # bias is below number_of_items / 2**64.
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
    """Return the identifier of a candidate set, in UTF-8: the parts of the sequence's key, and the draw."""
    return f"{split}\0{raw_user_id}\0{position}\0{draw}".encode()


def first_draws(table: pa.Table, draws: int) -> pa.Table:
    """Return the rows of every sequence's first draws from a table of CANDIDATES or of the choices among them."""
    return table.filter(pc.less(table["draw"], draws))


def random_blocks(names: Iterable[bytes], length: int) -> list[bytes]:
    """Return the first `length` bytes, at most 8 * `NUMBERS_PER_BLOCK`, of each block of a random stream.

    Args:
        names: names of the blocks: seed, `STREAM`, name of the set and number of the block, joined by zero bytes.
        length: number of bytes per block.
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
    """Yield independent uniform integers below 2**64 that depend only on the arguments."""
    for block in count():
        block_name = b"%d\0%b\0%b\0%d" % (seed, STREAM, name, block)
        (numbers,) = random_blocks([block_name], 8 * NUMBERS_PER_BLOCK)
        yield from np.frombuffer(numbers, dtype="<u8").tolist()
