"""Consistency checks of a table of predictions."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.predictions.scores import candidate_matrix

#: Number of offending rows that an error names.
NAMED_ROWS = 5

_REMEDY = "Delete the file and run the workflow again; if this persists, the method that wrote it is at fault."


class PredictionsError(ValueError):
    """A table of predictions is inconsistent, so metrics computed from it would be wrong."""


def check_predictions(predictions: pa.Table, source: str) -> None:
    """Check constraints of a table of the PREDICTIONS schema that its types do not express.

    Ties between scores are allowed; a method that only scores must have chosen one of the candidates with the highest
    score.

    Args:
        predictions: the table.
        source: name of the table in error messages.

    Raises:
        PredictionsError: the table is empty, or its splits are not val and test; a sequence and draw is repeated;
            candidate sets differ in size, repeat an item or lack the target; a choice is not a candidate; a row has
            neither text nor scores; only some rows have text, or scores; a row does not have one score per candidate,
            or a score is not finite; the choice of a method that only scores is missing or does not have the highest
            score. The message names the method and the first rows.
    """
    if predictions.num_rows == 0:
        raise PredictionsError(f"{source}: holds no predictions, expected a row for every candidate set. {_REMEDY}")
    splits = set(pc.unique(predictions["split"]).to_pylist())
    if splits != {"val", "test"}:
        raise PredictionsError(
            f"{source}: found the splits {sorted(splits)}, expected rows of both val and test. {_REMEDY}"
        )
    sizes = pc.unique(pc.list_value_length(predictions["candidates"])).to_pylist()
    if len(sizes) != 1:
        raise PredictionsError(f"{source}: found candidate sets of {sorted(sizes)} items, expected one size. {_REMEDY}")
    refuse = _refusal(predictions, source)
    _check_rows_unique(predictions, refuse)
    _check_candidates(predictions, refuse)
    _check_answers(predictions, refuse)
    _check_scores(predictions, sizes[0], refuse)


def named_rows(keys: list[tuple[int, int]]) -> str:
    """Return the first of the given (sequence, draw) pairs as text, such as "sequence 3, draw 0; and 12 more"."""
    named = "; ".join(f"sequence {sequence}, draw {draw}" for sequence, draw in keys[:NAMED_ROWS])
    return named if len(keys) <= NAMED_ROWS else f"{named}; and {len(keys) - NAMED_ROWS} more"


_Refuse = Callable[[NDArray[np.bool_], str], None]


def _refusal(predictions: pa.Table, source: str) -> _Refuse:
    """Return a function that raises, naming the method and the first offending rows, if any row is marked."""

    def refuse(marked: NDArray[np.bool_], what: str) -> None:
        if marked.any():
            rows = predictions.filter(pa.array(marked)).select(["sequence_id", "draw", "method"]).to_pylist()
            raise PredictionsError(
                f"{source}: {rows[0]['method']} has {what} in {len(rows)} of {len(marked)} rows: "
                f"{named_rows([(row['sequence_id'], row['draw']) for row in rows])}. {_REMEDY}"
            )

    return refuse


def _check_rows_unique(predictions: pa.Table, refuse: _Refuse) -> None:
    keys = predictions.select(["sequence_id", "draw"]).to_pandas()
    refuse(keys.duplicated().to_numpy(), "a repeated sequence and draw")


def _check_candidates(predictions: pa.Table, refuse: _Refuse) -> None:
    candidates = candidate_matrix(predictions)
    in_order = np.sort(candidates, axis=1)
    refuse((in_order[:, 1:] == in_order[:, :-1]).any(axis=1), "a repeated item among the candidates")
    target = predictions["target"].to_numpy()
    refuse(~(candidates == target[:, None]).any(axis=1), "a target that is not among the candidates")
    chosen = predictions["choice"].is_valid().to_numpy()
    choice = predictions["choice"].fill_null(-1).to_numpy()
    refuse(chosen & ~(candidates == choice[:, None]).any(axis=1), "a choice that is not among the candidates")


def _check_answers(predictions: pa.Table, refuse: _Refuse) -> None:
    missing = {name: predictions[name].is_null().to_numpy() for name in ("text", "scores")}
    refuse(missing["text"] & missing["scores"], "neither text nor scores")
    for name, rows in missing.items():
        if rows.any() and not rows.all():
            refuse(rows, f"no {name}, though others have them,")


def _check_scores(predictions: pa.Table, candidates: int, refuse: _Refuse) -> None:
    if predictions["scores"].null_count == predictions.num_rows:
        return
    lengths = pc.list_value_length(predictions["scores"]).to_numpy()
    refuse(lengths != candidates, f"more or fewer scores than the {candidates} candidates")
    scores = pc.list_flatten(predictions["scores"]).to_numpy(zero_copy_only=False).reshape(-1, candidates)
    refuse(~np.isfinite(scores).all(axis=1), "a score that is not finite")
    if predictions["text"].null_count == predictions.num_rows:
        choice = predictions["choice"].fill_null(-1).to_numpy()[:, None]
        best = scores == scores.max(axis=1, keepdims=True)
        refuse(~(best & (candidate_matrix(predictions) == choice)).any(axis=1), "a choice without the highest score")
