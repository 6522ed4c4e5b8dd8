"""The candidate sets of a whole data set: vectorised, with the same results as `draw_candidates`.

A set's first random numbers usually suffice: none of them selects an excluded item, and no two the same item. Such
sets (in a large catalogue, nearly all) are computed together with NumPy, the others by `draw_candidates`. The result
does not depend on how the work is divided.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import CANDIDATES
from ilora.data.candidates import NUMBERS_PER_BLOCK, STREAM, digests, draw_candidates, random_blocks
from ilora.data.positions import Rows, spans
from ilora.data.sequences import SequenceKey

#: Items that are excluded from the other candidates: the sequence's own history, all of the user's items before the
#: target, or all of the user's items, before or after it.
Exclusion = Literal["history", "past", "whole_sequence"]

_Ids = npt.NDArray[np.int32]
_Numbers = npt.NDArray[np.uint64]
_Marks = npt.NDArray[np.bool_]

# Sets that are processed at once: their numbers stay in the processor's cache.
_SETS_AT_ONCE = 2**13
# Sequences that exclude more items than this are left to `draw_candidates`, which is faster then.
_LONGEST_COMPARED = 512


@dataclass(frozen=True)
class _ItemLists:
    """One list of items per sequence: the `lengths` items of `values` that begin at `starts`."""

    values: _Ids
    starts: Rows
    lengths: Rows

    def part(self, rows: slice) -> "_ItemLists":
        return _ItemLists(self.values, self.starts[rows], self.lengths[rows])

    def __getitem__(self, row: int) -> list[int]:
        return self.values[self.starts[row] : self.starts[row] + self.lengths[row]].tolist()


@dataclass(frozen=True)
class _Sequences:
    """Sequences to draw candidate sets for: rows of schema `SEQUENCES`, and the items that each excludes."""

    rows: pa.Table
    excluded: _ItemLists

    @property
    def targets(self) -> _Ids:
        return self.rows["target"].to_numpy()

    def part(self, rows: slice) -> "_Sequences":
        return _Sequences(self.rows[rows], self.excluded.part(rows))

    def key(self, row: int) -> SequenceKey:
        return SequenceKey(*(self.rows[name][row].as_py() for name in ("split", "raw_user_id", "position")))

    def set_names(self, draws: int) -> pa.Array:
        """Return what `set_name` gives for every set, by sequence, then draw."""
        names = [self.rows["split"], self.rows["raw_user_id"], self.rows["position"].cast(pa.string())]
        of_sequences = pc.binary_join_element_wise(*names, "\0").combine_chunks()
        each = np.repeat(np.arange(self.rows.num_rows, dtype=np.int32), draws)
        numbers = pa.array(np.tile(np.arange(draws), self.rows.num_rows)).cast(pa.string())
        return pc.binary_join_element_wise(of_sequences.take(pa.array(each)), numbers, "\0").cast(pa.binary())


@dataclass(frozen=True)
class _Settings:
    number_of_items: int
    size: int
    draws: int
    seed: int


def candidates_table(
    sequences: pa.Table,
    interactions: pa.Table,
    *,
    number_of_items: int,
    exclusion: Exclusion,
    size: int,
    draws: int,
    seed: int,
) -> pa.Table:
    """Return `draws` candidate sets for every val and test sequence, each equal to that of `draw_candidates`.

    Args:
        sequences: table of schema `SEQUENCES`.
        interactions: the table of schema `INTERACTIONS` that the sequences were made from.
        number_of_items: size of the catalogue; all its items can be drawn, whether they occur in `interactions` or not.
        exclusion: items that are excluded from the other candidates.
        size: number of candidates, including the target.
        draws: number of sets per sequence, at least 1.
        seed: seed of the candidate draws.

    Returns:
        A table of schema `CANDIDATES`, ordered by sequence_id, then draw.

    Raises:
        ValueError: `draws` is below 1, or the tables or the catalogue do not belong together; see also
            `draw_candidates`.
    """
    if draws < 1:
        raise ValueError(f"Each sequence needs at least 1 draw of candidates, found {draws}.")
    _check_catalogue(interactions, number_of_items)
    settings = _Settings(number_of_items, size, draws, seed)
    evaluated = _evaluated(sequences, interactions, exclusion)
    step = max(1, _SETS_AT_ONCE // draws)
    item_texts = pa.array([b"%d," % item for item in range(settings.number_of_items)], pa.binary())
    batches = []
    for first in range(0, evaluated.rows.num_rows, step):
        part = evaluated.part(slice(first, first + step))
        names = part.set_names(draws)
        sets = _draw_sets(names, part, settings)
        batches.append(_batch(part, names, sets, item_texts, draws))
    return pa.Table.from_batches(batches, schema=CANDIDATES)


def _evaluated(sequences: pa.Table, interactions: pa.Table, exclusion: Exclusion) -> _Sequences:
    """Return the val and test sequences."""
    rows = sequences.filter(pc.not_equal(sequences["split"], "train")).combine_chunks()
    whole_sequences = _whole_sequences(rows, interactions)
    _check_targets(rows, whole_sequences)
    if exclusion == "history":
        return _Sequences(rows, _histories(rows))
    if exclusion == "past":
        positions = rows["position"].to_numpy().astype(np.int64)
        return _Sequences(rows, _ItemLists(whole_sequences.values, whole_sequences.starts, positions))
    return _Sequences(rows, whole_sequences)


def _check_catalogue(interactions: pa.Table, number_of_items: int) -> None:
    largest = int(interactions["item_id"].to_numpy().max())
    if largest >= number_of_items:
        raise ValueError(
            f"The interactions contain item {largest}, but the catalogue's items run from 0 to {number_of_items - 1}: "
            "it belongs to other interactions."
        )


def _check_targets(sequences: pa.Table, whole_sequences: _ItemLists) -> None:
    """Check that each target is at its position among its user's items."""
    positions, targets = sequences["position"].to_numpy(), sequences["target"].to_numpy()
    is_within = positions < whole_sequences.lengths
    rows = whole_sequences.starts + np.where(is_within, positions, 0)
    wrong = np.flatnonzero(~is_within | (whole_sequences.values[rows] != targets))
    if len(wrong):
        sequence = sequences.slice(int(wrong[0]), 1).to_pylist()[0]
        raise ValueError(
            f"User {sequence['user_id']} has a sequence with target {sequence['target']}, but another item, or none, at"
            f" its position {sequence['position']}: these sequences were made from other interactions."
        )


def _histories(sequences: pa.Table) -> _ItemLists:
    lengths = pc.list_value_length(sequences["history"]).to_numpy().astype(np.int64)
    return _ItemLists(pc.list_flatten(sequences["history"]).to_numpy(), np.cumsum(lengths) - lengths, lengths)


def _whole_sequences(sequences: pa.Table, interactions: pa.Table) -> _ItemLists:
    user_ids = interactions["user_id"].to_numpy()
    first_rows, of_users = spans(user_ids)
    wanted = sequences["user_id"].to_numpy()
    users = max(int(user_ids.max()), int(wanted.max(initial=0))) + 1
    # A user without interactions has an empty list.
    starts, lengths = np.zeros(users, dtype=np.int64), np.zeros(users, dtype=np.int64)
    starts[user_ids[first_rows]] = first_rows
    lengths[user_ids[first_rows]] = of_users
    return _ItemLists(interactions["item_id"].to_numpy(), starts[wanted], lengths[wanted])


def _draw_sets(names: pa.Array, sequences: _Sequences, settings: _Settings) -> _Ids:
    """Return all sets of the sequences, int32 [sets, size], ordered by sequence, then draw."""
    sets = np.empty((len(names), max(settings.size, 0)), dtype=np.int32)
    incomplete = np.ones(len(names), dtype=bool)
    if 1 <= settings.size <= NUMBERS_PER_BLOCK:
        numbers = _first_numbers(names, settings)
        others = (numbers[:, 1:] % np.uint64(settings.number_of_items)).astype(np.int32)
        # [size - 1, draws, sequences], so that what is compared lies together in memory.
        shape = (sequences.rows.num_rows, settings.draws, settings.size - 1)
        by_place = np.ascontiguousarray(others.reshape(shape).transpose(2, 1, 0))
        incomplete = (_hold_an_item_twice(by_place) | _hold_an_excluded_item(by_place, sequences)).T.ravel()
        _join(sets, numbers[:, 0] % np.uint64(settings.size), np.repeat(sequences.targets, settings.draws), others)
    targets = sequences.targets
    for row in np.flatnonzero(incomplete).tolist():
        sequence, draw = divmod(row, settings.draws)
        sets[row] = draw_candidates(
            sequences.key(sequence),
            draw,
            sequences.excluded[sequence],
            int(targets[sequence]),
            number_of_items=settings.number_of_items,
            size=settings.size,
            seed=settings.seed,
        )
    return sets


def _first_numbers(names: pa.Array, settings: _Settings) -> _Numbers:
    """Return the first `size` random numbers of every set, uint64 [sets, size]."""
    block_names = pc.binary_join_element_wise(str(settings.seed).encode(), STREAM, names, b"0", b"\0")
    blocks = random_blocks(block_names.to_pylist(), 8 * settings.size)
    return np.frombuffer(b"".join(blocks), dtype="<u8").reshape(-1, settings.size)


def _hold_an_item_twice(others: _Ids) -> _Marks:
    """Return which sets hold an item twice, bool [draws, sequences], for others int32 [size - 1, draws, sequences]."""
    twice = np.zeros(others.shape[1:], dtype=bool)
    for distance in range(1, len(others)):
        twice |= (others[distance:] == others[:-distance]).any(axis=0)
    return twice


def _hold_an_excluded_item(others: _Ids, sequences: _Sequences) -> _Marks:
    """Return which sets contain their target or an excluded item; all do if their sequence excludes too many items.

    Args:
        others: candidates other than the target, int32 [size - 1, draws, sequences].
        sequences: sequences that the sets belong to.

    Returns:
        bool [draws, sequences].
    """
    # The longest lists first: those that have an item at a place are then the first ones.
    order = np.argsort(-sequences.excluded.lengths, kind="stable")
    starts, lengths = sequences.excluded.starts[order], sequences.excluded.lengths[order]
    others = np.take(others, order, axis=2)
    is_excluded = (others == sequences.targets[order]) | (lengths > _LONGEST_COMPARED)
    for place in range(min(int(lengths.max(initial=0)), _LONGEST_COMPARED)):
        count = np.count_nonzero(lengths > place)
        items = sequences.excluded.values[starts[:count] + place]
        is_excluded[:, :, :count] |= others[:, :, :count] == items
    holds = np.empty(others.shape[1:], dtype=bool)
    holds[:, order] = is_excluded.any(axis=0)
    return holds


def _join(sets: _Ids, place_of_target: _Numbers, targets: _Ids, others: _Ids) -> None:
    """Write the target of each set at its place, and the others around it in their order."""
    is_target = np.arange(sets.shape[1], dtype=np.uint64) == place_of_target[:, None]
    sets[is_target] = targets
    sets[~is_target] = others.ravel()


def _batch(sequences: _Sequences, names: pa.Array, sets: _Ids, item_texts: pa.Array, draws: int) -> pa.RecordBatch:
    """Return the rows of schema `CANDIDATES` of some sequences.

    Args:
        sequences: those that the sets belong to.
        names: name of each set.
        sets: int32 [sets, size].
        item_texts: the text of every item followed by a comma.
        draws: number of sets per sequence.
    """
    offsets, items = pa.array(np.arange(len(sets) + 1, dtype=np.int32) * sets.shape[1]), pa.array(sets.ravel())
    listed = _joined(item_texts.take(items), sets.shape[1])
    columns = {
        "sequence_id": np.repeat(sequences.rows["sequence_id"].to_numpy(), draws),
        "draw": np.tile(np.arange(draws, dtype=np.int32), sequences.rows.num_rows),
        "candidates": pa.ListArray.from_arrays(offsets, items),
        "hash": pa.array(digests(pc.binary_join_element_wise(names, listed, b"\0").to_pylist())),
    }
    return pa.record_batch(columns, schema=CANDIDATES)


def _joined(texts: pa.Array, size: int) -> pa.Array:
    """Return every `size` binary values as one, without its last byte."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32, count=len(texts) + 1)[::size]
    whole = pa.BinaryArray.from_buffers(pa.binary(), len(ends) - 1, [None, pa.py_buffer(ends.copy()), data])
    return pc.binary_slice(whole, 0, -1)
