"""What a table of predictions must satisfy before anything is computed from it."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class PredictionsError(ValueError):
    """A table of predictions contradicts itself, so that metrics computed from it would be wrong."""


def check_predictions(predictions: pa.Table, source: str) -> None:
    """Check a table of the PREDICTIONS schema for what its types cannot say; `source` names it in errors.

    Raises:
        PredictionsError: the table lacks validation or test rows or has others; a sequence and draw stand in
            it twice; candidate sets differ in size, repeat an item or lack the target; a choice is no
            candidate; only some rows have scores, a row's scores are not one per candidate, or a score is not
            finite.
    """
    splits = set(pc.unique(predictions["split"]).to_pylist())
    if splits != {"val", "test"}:
        raise PredictionsError(f"{source}: found the splits {sorted(splits)}, expected rows of both val and test.")
    sizes = pc.unique(pc.list_value_length(predictions["candidates"])).to_pylist()
    if len(sizes) != 1:
        raise PredictionsError(f"{source}: found candidate sets of {sorted(sizes)} items, expected one size.")
    refuse = _refusal(predictions, source)
    _check_rows_unique(predictions, refuse)
    _check_candidates(predictions, refuse)
    _check_scores(predictions, sizes[0], source, refuse)


def candidate_matrix(predictions: pa.Table) -> NDArray[np.int32]:
    """Return the candidates of every row as item ids, int32 [rows, candidates]."""
    return _matrix(predictions["candidates"], predictions.num_rows)


def score_matrix(predictions: pa.Table) -> NDArray[np.float64] | None:
    """Return the scores of every row, float64 [rows, candidates]; None for a method that only writes text."""
    if predictions["scores"].null_count == predictions.num_rows:
        return None
    return _matrix(predictions["scores"], predictions.num_rows)


def _matrix(column: pa.ChunkedArray, rows: int) -> NDArray:
    return pc.list_flatten(column).to_numpy().reshape(rows, -1)


def _refusal(predictions: pa.Table, source: str) -> Callable[[NDArray[np.bool_], str], None]:
    """Return a function that raises, naming the first offending row, if any row is marked."""

    def refuse(marked: NDArray[np.bool_], what: str) -> None:
        if marked.any():
            row = predictions.slice(int(marked.argmax()), 1).to_pylist()[0]
            raise PredictionsError(
                f"{source}: {what} in {int(marked.sum())} of {len(marked)} rows, first in sequence "
                f"{row['sequence_id']}, draw {row['draw']}. Delete the file and run the workflow again; "
                "if this persists, the method that wrote it is at fault."
            )

    return refuse


def _check_rows_unique(predictions: pa.Table, refuse: Callable[[NDArray[np.bool_], str], None]) -> None:
    keys = predictions.select(["sequence_id", "draw"]).to_pandas()
    refuse(keys.duplicated().to_numpy(), "a sequence and draw that stand in it twice")


def _check_candidates(predictions: pa.Table, refuse: Callable[[NDArray[np.bool_], str], None]) -> None:
    candidates = candidate_matrix(predictions)
    in_order = np.sort(candidates, axis=1)
    refuse((in_order[:, 1:] == in_order[:, :-1]).any(axis=1), "an item that is twice among the candidates")
    target = predictions["target"].to_numpy()
    refuse(~(candidates == target[:, None]).any(axis=1), "a target that is not among the candidates")
    chosen = predictions["choice"].is_valid().to_numpy()
    choice = predictions["choice"].fill_null(-1).to_numpy()
    refuse(chosen & ~(candidates == choice[:, None]).any(axis=1), "a choice that is not among the candidates")


def _check_scores(
    predictions: pa.Table, candidates: int, source: str, refuse: Callable[[NDArray[np.bool_], str], None]
) -> None:
    without = predictions["scores"].null_count
    if without == predictions.num_rows:
        return
    if without:
        raise PredictionsError(
            f"{source}: {without} of {predictions.num_rows} rows have no scores, "
            "expected scores in all rows or in none."
        )
    lengths = pc.list_value_length(predictions["scores"]).to_numpy()
    refuse(lengths != candidates, f"scores that are not one for each of the {candidates} candidates")
    scores = pc.list_flatten(predictions["scores"]).to_numpy(zero_copy_only=False)
    refuse(~np.isfinite(scores.reshape(-1, candidates)).all(axis=1), "a score that is not a finite number")
