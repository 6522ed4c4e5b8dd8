"""The candidate sets of a whole data set: vectorised, with the same results as `draw_candidates`.

A set's first random numbers usually suffice: none of them selects an excluded item, and no two the same item. Such
sets (in a large catalogue, nearly all) are computed together with NumPy, the others by `draw_candidates`. The result
does not depend on how the work is divided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import CANDIDATES
from ilora.data.candidates import NUMBERS_PER_BLOCK, digest, draw_candidates, random_bytes, set_name
from ilora.data.positions import Rows, locate, runs
from ilora.data.sequences import SequenceIdentities, sequence_identities

#: Items that are excluded from the other candidates: the sequence's own history, all of the user's items before the
#: target, or all of the user's items, before or after it.
Exclusion = Literal["history", "past", "whole_sequence"]

_Ids = npt.NDArray[np.int32]
_Numbers = npt.NDArray[np.uint64]
_Marks = npt.NDArray[np.bool_]

# Size of a batch: marks (one byte per sequence and item), and sets.
_MARKS_AT_ONCE = 2**26
_SETS_AT_ONCE = 2**17


@dataclass(frozen=True)
class _ItemLists:
    """One list of items per sequence: the `lengths` items of `values` that begin at `starts`."""

    values: _Ids
    starts: Rows
    lengths: Rows

    def part(self, rows: slice) -> "_ItemLists":
        return _ItemLists(self.values, self.starts[rows], self.lengths[rows])

    def flat(self) -> tuple[Rows, _Ids]:
        """Return the row and the item of every list entry."""
        return np.repeat(np.arange(len(self.starts)), self.lengths), self.values[runs(self.starts, self.lengths)]

    def __getitem__(self, row: int) -> list[int]:
        return self.values[self.starts[row] : self.starts[row] + self.lengths[row]].tolist()


@dataclass(frozen=True)
class _Sequences:
    """Sequences to draw candidate sets for, row by row: ids, identities, targets and excluded items."""

    ids: _Ids
    identities: SequenceIdentities
    targets: _Ids
    excluded: _ItemLists

    def part(self, rows: slice) -> "_Sequences":
        return _Sequences(self.ids[rows], self.identities[rows], self.targets[rows], self.excluded.part(rows))


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
    step = max(1, min(_MARKS_AT_ONCE // settings.number_of_items, _SETS_AT_ONCE // draws))
    marks = np.zeros((min(step, len(evaluated.ids)), settings.number_of_items), dtype=bool)
    item_texts = np.array([f"{item}," for item in range(settings.number_of_items)], dtype=np.bytes_)
    batches = []
    for first in range(0, len(evaluated.ids), step):
        part = evaluated.part(slice(first, first + step))
        names = [set_name(*identity, draw) for identity in part.identities for draw in range(draws)]
        sets = _draw_sets(names, part, marks, settings)
        hashes = [digest(name, listed) for name, listed in zip(names, _listed(sets, item_texts), strict=True)]
        batches.append(_batch(part.ids, sets, hashes, draws))
    return pa.Table.from_batches(batches, schema=CANDIDATES)


def _evaluated(sequences: pa.Table, interactions: pa.Table, exclusion: Exclusion) -> _Sequences:
    """Return the val and test sequences."""
    rows = sequences.filter(pc.not_equal(sequences["split"], "train"))
    whole_sequences = _whole_sequences(rows, interactions)
    _check_targets(rows, whole_sequences)
    past = _ItemLists(whole_sequences.values, whole_sequences.starts, rows["position"].to_numpy().astype(np.int64))
    excluded = {"history": _histories(rows), "past": past, "whole_sequence": whole_sequences}[exclusion]
    ids, targets = rows["sequence_id"].to_numpy(), rows["target"].to_numpy()
    return _Sequences(ids, sequence_identities(rows), targets, excluded)


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
    positions = locate(user_ids)
    wanted = sequences["user_id"].to_numpy()
    users = max(int(user_ids.max()), int(wanted.max(initial=0))) + 1
    # A user without interactions has an empty list.
    starts, lengths = np.zeros(users, dtype=np.int64), np.zeros(users, dtype=np.int64)
    starts[user_ids[positions.first_rows]] = positions.first_rows
    lengths[user_ids[positions.first_rows]] = positions.lengths
    return _ItemLists(interactions["item_id"].to_numpy(), starts[wanted], lengths[wanted])


def _draw_sets(names: Sequence[str], sequences: _Sequences, marks: _Marks, settings: _Settings) -> _Ids:
    """Return all sets of the sequences, int32 [sets, size], ordered by sequence, then draw."""
    sets = np.empty((len(names), max(settings.size, 0)), dtype=np.int32)
    incomplete = np.ones(len(names), dtype=bool)
    if 1 <= settings.size <= NUMBERS_PER_BLOCK:
        numbers = _first_numbers(names, settings)
        others = (numbers[:, 1:] % np.uint64(settings.number_of_items)).astype(np.int32)
        incomplete = _holds_an_item_twice(others) | _holds_an_excluded_item(others, sequences, marks, settings)
        _join(sets, numbers[:, 0] % np.uint64(settings.size), np.repeat(sequences.targets, settings.draws), others)
    for row in np.flatnonzero(incomplete).tolist():
        sequence, draw = divmod(row, settings.draws)
        sets[row] = draw_candidates(
            sequences.identities.key(sequence),
            draw,
            sequences.excluded[sequence],
            int(sequences.targets[sequence]),
            number_of_items=settings.number_of_items,
            size=settings.size,
            seed=settings.seed,
        )
    return sets


def _first_numbers(names: Sequence[str], settings: _Settings) -> _Numbers:
    """Return the first `size` random numbers of every set, uint64 [sets, size]."""
    blocks = [random_bytes(name, settings.seed, 0, 8 * settings.size) for name in names]
    return np.frombuffer(b"".join(blocks), dtype="<u8").reshape(-1, settings.size)


def _holds_an_item_twice(others: _Ids) -> npt.NDArray[np.bool_]:
    in_order = np.sort(others, axis=1)
    return (in_order[:, 1:] == in_order[:, :-1]).any(axis=1)


def _holds_an_excluded_item(
    others: _Ids, sequences: _Sequences, marks: _Marks, settings: _Settings
) -> npt.NDArray[np.bool_]:
    """Return which sets contain their target or an excluded item, bool [sets].

    Args:
        others: candidates other than the target, int32 [sets, size - 1].
        sequences: sequences that the sets belong to.
        marks: reusable buffer, bool [at least as many rows as sequences, items]; all False before and after the call.
        settings: settings of the draws.
    """
    rows = np.arange(len(sequences.ids))
    marked = sequences.excluded.flat()
    marks[rows, sequences.targets] = True
    marks[marked] = True
    holds = np.any(marks[np.repeat(rows, settings.draws)[:, None], others], axis=1)
    marks[rows, sequences.targets] = False
    marks[marked] = False
    return holds


def _join(sets: _Ids, place_of_target: _Numbers, targets: _Ids, others: _Ids) -> None:
    """Write the target of each set at its place, and the others around it in their order."""
    places = place_of_target.astype(np.int64)[:, None]
    columns = np.arange(others.shape[1])
    np.put_along_axis(sets, columns + (columns >= places), others, axis=1)
    np.put_along_axis(sets, places, targets[:, None], axis=1)


def _listed(sets: _Ids, item_texts: npt.NDArray[np.bytes_]) -> Iterator[bytes]:
    """Yield the candidates of each set as text, such as b"3,1,2".

    Args:
        sets: int32 [sets, size].
        item_texts: the text of every item followed by a comma, padded with zero bytes to equal length.
    """
    texts = item_texts[sets].tobytes()
    length = sets.shape[1] * item_texts.itemsize
    for first in range(0, len(texts), length):
        yield texts[first : first + length].translate(None, b"\0")[:-1]


def _batch(sequence_ids: _Ids, sets: _Ids, hashes: list[str], draws: int) -> pa.RecordBatch:
    offsets = np.arange(len(sets) + 1, dtype=np.int32) * sets.shape[1]
    columns = {
        "sequence_id": np.repeat(sequence_ids, draws),
        "draw": np.tile(np.arange(draws, dtype=np.int32), len(sequence_ids)),
        "candidates": pa.ListArray.from_arrays(pa.array(offsets), pa.array(sets.ravel())),
        "hash": pa.array(hashes),
    }
    return pa.record_batch(columns, schema=CANDIDATES)
