"""Ranks of targets among all items, from scores that are computed block by block."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.full_ranking.schema import RANKS
from ilora.full_ranking.seen_items import SeenItems

AllScores = npt.NDArray[np.floating[Any]]

#: Scores all items for rows of the SEQUENCES schema: finite, [rows, items], higher is better.
ScoreAll = Callable[[pa.Table], AllScores]

#: The method's own id of each item, integer [items], from 0; items that share an id cannot be distinguished.
ItemIds = npt.NDArray[np.integer[Any]]

# Number of scores in memory at once: 32 MiB in float64, plus some copies.
_CELLS = 2**22


def rank_targets(
    sequences: pa.Table,
    score: ScoreAll,
    *,
    items: int,
    method: str,
    seen: SeenItems | None = None,
    ids: ItemIds | None = None,
    cells: int = _CELLS,
) -> pa.Table:
    """Return the rank of the target of each val and test sequence among all items.

    Tied items share the mean of their ranks. Scores are compared in float64.

    Args:
        sequences: table of the SEQUENCES schema.
        score: function that scores all items for a block of rows.
        items: number of items in the data set.
        method: id of the method.
        seen: items that the user had before the target, which are excluded from the ranking; None ranks every item.
        ids: the method's ids of items, if several items may share one; the table then includes ranks among ids.
        cells: maximum number of scores in memory at once.

    Returns:
        Table of the RANKS schema, in the order of the sequences.

    Raises:
        ValueError: scores are of another shape or not finite; see also `asked_of` and `SeenItems.before`.
    """
    asked = asked_of(sequences)
    blocks = [_rank_block(block, score, items, seen, ids) for block in _blocks(asked, max(1, cells // items))]
    places = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    columns = {name: asked[name] for name in ("sequence_id", "split", "user_id", "target")}
    columns |= {"method": pa.repeat(method, asked.num_rows)}
    columns |= {name: pa.array(column) for name, column in places.items()}
    if ids is None:
        columns |= {name: pa.nulls(asked.num_rows, RANKS.field(name).type) for name in ("id_rank", "id_tied")}
    return pa.table({name: columns[name] for name in RANKS.names}, schema=RANKS)


def asked_of(sequences: pa.Table) -> pa.Table:
    """Return the sequences whose targets are ranked, those of the splits val and test, in order.

    Raises:
        ValueError: there are none.
    """
    asked = sequences.filter(pc.is_in(sequences["split"], pa.array(["val", "test"])))
    if asked.num_rows == 0:
        raise ValueError("no val or test sequences: expected at least one")
    return asked


def _blocks(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _rank_block(
    block: pa.Table, score: ScoreAll, items: int, seen: SeenItems | None, ids: ItemIds | None
) -> dict[str, npt.NDArray[Any]]:
    scores = np.array(score(block), dtype=np.float64)
    if scores.shape != (block.num_rows, items):
        raise ValueError(f"found scores of shape {scores.shape}, expected ({block.num_rows}, {items})")
    if not np.isfinite(scores).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(scores))} scores are not finite numbers")
    ranked = np.full(block.num_rows, items)
    if seen is not None:
        left_out = seen.before(block, items)
        scores[left_out] = -np.inf
        ranked -= left_out.sum(axis=1)
    of_target = np.take_along_axis(scores, block["target"].to_numpy()[:, None], axis=1)
    rank, tied = _place(scores, of_target)
    columns = {"rank": rank, "tied": tied, "ranked_items": ranked.astype(np.int32)}
    if ids is not None:
        columns["id_rank"], columns["id_tied"] = _place(_best_of_ids(scores, ids), of_target)
    return columns


def _place(scores: npt.NDArray[np.float64], of_target: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], ...]:
    """Return the mean rank of everything with the target's score, float64 [rows], and their number, int32 [rows]."""
    better, tied = (scores > of_target).sum(axis=1), (scores == of_target).sum(axis=1)
    return better + (tied + 1) / 2, tied.astype(np.int32)


def _best_of_ids(scores: npt.NDArray[np.float64], ids: ItemIds) -> npt.NDArray[np.float64]:
    """Return the highest score among the items of each id, float64 [rows, ids that occur]."""
    order = np.argsort(ids, kind="stable")
    _, starts = np.unique(ids[order], return_index=True)
    return np.maximum.reduceat(scores[:, order], starts, axis=1)
