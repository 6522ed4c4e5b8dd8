"""Ranks of targets among all items, from scores that are made block by block."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.full_ranking.schema import RANKS
from ilora.full_ranking.seen_items import SeenItems

AllScores = npt.NDArray[np.floating[Any]]

#: Scores all items for some rows of schema SEQUENCES: finite, [rows, items], higher is better.
ScoreAll = Callable[[pa.Table], AllScores]

#: The item's id in the method's own terms, integer [items], from 0; items that share one cannot be told apart.
ItemIds = npt.NDArray[np.integer[Any]]

# Scores that are held at once: 32 MiB in float64, and some copies.
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
    """Return where the target of each val and test sequence stands among all items.

    Items with the target's score share its places: the rank is the mean of these. Scores are compared in float64.

    Args:
        sequences: table of the SEQUENCES schema.
        score: gives the scores of all items for some of its rows; it is asked for a block at a time.
        items: number of items in the data set.
        method: the method's id.
        seen: leaves out of the ranking what the user had before the target; None ranks every item.
        ids: by which the method names items, where several may share one; the table then has the ranks among ids too.
        cells: scores that are held at once.

    Returns:
        A table of the RANKS schema, in the order of the sequences.

    Raises:
        ValueError: as `asked_of` and `SeenItems.before` raise it; scores are of another shape or not finite.
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
    """Return the sequences whose targets are ranked, those of the splits val and test, in their order.

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
    """Return the mean place of what has the target's score, float64 [rows], and how many these are, int32 [rows]."""
    better, tied = (scores > of_target).sum(axis=1), (scores == of_target).sum(axis=1)
    return better + (tied + 1) / 2, tied.astype(np.int32)


def _best_of_ids(scores: npt.NDArray[np.float64], ids: ItemIds) -> npt.NDArray[np.float64]:
    """Return the highest score that an item of each id has, float64 [rows, ids that occur]."""
    order = np.argsort(ids, kind="stable")
    _, starts = np.unique(ids[order], return_index=True)
    return np.maximum.reduceat(scores[:, order], starts, axis=1)
