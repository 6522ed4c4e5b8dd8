"""Construction of a table of predictions from the scores or texts of a method."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.predictions.choices import resolve_choice
from ilora.predictions.schema import PREDICTIONS
from ilora.predictions.scores import Scores, candidate_matrix, choose


def scored_predictions(sequences: pa.Table, candidates: pa.Table, scores: Scores, method: str) -> pa.Table:
    """Return the choices of `method` in each candidate set, as a table of the PREDICTIONS schema without text.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        scores: float64 [rows of `candidates`, candidates], finite; higher is better.
        method: the method's id.

    Raises:
        ValueError: a score is not finite, or a candidate set does not belong to these sequences.
    """
    if not np.isfinite(scores).all():
        raise ValueError(f"{method}: {np.count_nonzero(~np.isfinite(scores))} scores are not finite")
    return predictions_table(
        sequences,
        candidates,
        method,
        scores=pa.array(list(scores), pa.list_(pa.float64())),
        text=pa.nulls(candidates.num_rows, pa.string()),
        choice=pa.array(choose(scores, candidate_matrix(candidates)), pa.int32()),
    )


def written_predictions(
    sequences: pa.Table,
    candidates: pa.Table,
    texts: Sequence[str],
    titles: Sequence[str],
    method: str,
    scores: Sequence[npt.NDArray[np.float64]] | None = None,
) -> pa.Table:
    """Return the written answers of `method` to each candidate set, as a table of the PREDICTIONS schema.

    The choice is the candidate that the text names, regardless of the scores.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        texts: the unaltered answer to each candidate set; "" for none.
        titles: title of every item, by item id.
        method: the method's id.
        scores: scores of each set's candidates, for choosing or ranking by scores as well; None for none.

    Raises:
        ValueError: the numbers of answers and candidate sets differ; see also `predictions_table`.
    """
    listed = candidates["candidates"].to_pylist()
    chosen = [resolve_choice(text, among, titles) for text, among in zip(texts, listed, strict=True)]
    kind = pa.list_(pa.float64())
    return predictions_table(
        sequences,
        candidates,
        method,
        scores=pa.nulls(candidates.num_rows, kind) if scores is None else pa.array(list(scores), kind),
        text=pa.array(texts, pa.string()),
        choice=pa.array(chosen, pa.int32()),
    )


def predictions_table(
    sequences: pa.Table, candidates: pa.Table, method: str, scores: pa.Array, text: pa.Array, choice: pa.Array
) -> pa.Table:
    """Return the questions and answers of a method as a table of the PREDICTIONS schema.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        method: the method's id.
        scores: scores of each set's candidates; null for a method that only writes text.
        text: generated text; null for a method that only scores.
        choice: chosen item; null for none.

    Raises:
        ValueError: a candidate set does not belong to these sequences.
    """
    rows = sequences_of(sequences, candidates)
    columns = {
        "sequence_id": candidates["sequence_id"],
        "split": rows["split"],
        "user_id": rows["user_id"],
        "draw": candidates["draw"],
        "method": pa.repeat(method, candidates.num_rows),
        "candidates_hash": candidates["hash"],
        "history": rows["history"],
        "target": rows["target"],
        "candidates": candidates["candidates"],
        "scores": scores,
        "text": text,
        "choice": choice,
    }
    return pa.table(columns, schema=PREDICTIONS)


def sequences_of(sequences: pa.Table, candidates: pa.Table) -> pa.Table:
    """Return the sequence of each row of `candidates`.

    Raises:
        ValueError: a candidate set's sequence is not among `sequences`.
    """
    wanted = candidates["sequence_id"].to_numpy()
    if wanted.size == 0 or wanted.min() < 0 or wanted.max() >= sequences.num_rows:
        raise ValueError(
            f"the candidate sets are not of these {sequences.num_rows} sequences. Delete candidates.parquet "
            "and run the workflow again."
        )
    return sequences.take(candidates["sequence_id"])
