"""Candidate sets: what a method must choose the next item from. Drawn once, shared by every method.

A set is a pure function of the seed, the sequence's key and the number of the draw. Its random numbers come
from SHAKE-128 of just these, block by block, and from no generator's state: neither the order of the work,
nor which other users exist, nor the version of a numerical library can change a set.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa

from ilora.artifacts.schemas import CANDIDATES
from ilora.data.sequences import SequenceKey, SequenceTable

_NUMBERS_PER_BLOCK = 32


def draw_candidates(
    key: SequenceKey,
    draw: int,
    history: Collection[int],
    target: int,
    *,
    number_of_items: int,
    size: int,
    seed: int,
) -> list[int]:
    """Return `size` different item ids, shuffled: the target, and others drawn uniformly outside the history.

    It takes some ten microseconds, so training can draw its sets as it goes (with the epoch as `draw`).

    Args:
        key: the sequence.
        draw: number of the draw, from 0.
        history: item ids that the prompt shows.
        target: item id.
        number_of_items: size of the catalogue; item ids run from 0 to one less.
        size: number of candidates, the target included.
        seed: of the candidate draws.

    Raises:
        ValueError: the target is no item of the catalogue, `size` is below 1, or the catalogue has too few
            items outside the history.
    """
    _check(history, target, number_of_items, size)
    numbers = _random_numbers(key, draw, seed)
    # The others come in random order, so the target at a random place makes every order equally likely. The
    # remainder's bias is below number_of_items / 2**64.
    place_of_target = next(numbers) % size
    excluded = {*history, target}
    candidates: list[int] = []
    while len(candidates) < size - 1:
        item = next(numbers) % number_of_items
        if item not in excluded:
            excluded.add(item)
            candidates.append(item)
    candidates.insert(place_of_target, target)
    return candidates


def hash_candidates(key: SequenceKey, draw: int, candidates: Sequence[int]) -> str:
    """Return a digest (32 hexadecimal digits) of the sequence's key, the draw and the candidates in order."""
    content = f"{_name(key, draw)}\0{','.join(map(str, candidates))}"
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def candidates_table(sequences: SequenceTable, *, size: int, draws: int, seed: int) -> pa.Table:
    """Return `draws` candidate sets for every val and test sequence.

    Returns:
        A table of schema `CANDIDATES`, by sequence_id, then draw.

    Raises:
        ValueError: `draws` is below 1, or as `draw_candidates` raises it.
    """
    if draws < 1:
        raise ValueError(f"Each sequence needs at least 1 draw of candidates, found {draws}.")
    rows = []
    for sequence_id in np.concatenate([sequences.rows("val"), sequences.rows("test")]).tolist():
        key, history = sequences.keys[sequence_id], sequences.histories[sequence_id]
        for draw in range(draws):
            candidates = draw_candidates(
                key,
                draw,
                history,
                int(sequences.targets[sequence_id]),
                number_of_items=sequences.number_of_items,
                size=size,
                seed=seed,
            )
            digest = hash_candidates(key, draw, candidates)
            rows.append({"sequence_id": sequence_id, "draw": draw, "candidates": candidates, "hash": digest})
    return pa.Table.from_pylist(rows, schema=CANDIDATES)


def _check(history: Collection[int], target: int, number_of_items: int, size: int) -> None:
    if not 0 <= target < number_of_items:
        raise ValueError(f"The target is item {target}, but the catalogue's items run from 0 to {number_of_items - 1}.")
    if size < 1:
        raise ValueError(f"A candidate set needs at least 1 item, found size {size}.")
    free = number_of_items - len({*history, target})
    if free < size - 1:
        raise ValueError(
            f"A set of {size} candidates needs {size - 1} items besides the target, but only {free} of the"
            f" catalogue's {number_of_items} are outside the history. Lower data.candidates or use more data."
        )


def _random_numbers(key: SequenceKey, draw: int, seed: int) -> Iterator[int]:
    """Yield independent uniform integers below 2**64 that depend on the arguments alone."""
    name = f"{seed}\0candidates\0{_name(key, draw)}"
    block = 0
    while True:
        digest = hashlib.shake_128(f"{name}\0{block}".encode()).digest(8 * _NUMBERS_PER_BLOCK)
        yield from np.frombuffer(digest, dtype="<u8").tolist()
        block += 1


def _name(key: SequenceKey, draw: int) -> str:
    return f"{key.split}\0{key.raw_user_id}\0{key.position}\0{draw}"
