"""Predictions of a method that only writes text."""

from collections.abc import Sequence

import pyarrow as pa

from ilora.artifacts.schemas import PREDICTIONS
from ilora.evaluation.validity import resolve_choice
from ilora.recommenders.predictions import sequences_of


def written_predictions(
    sequences: pa.Table, candidates: pa.Table, texts: Sequence[str], titles: Sequence[str], method: str
) -> pa.Table:
    """Return what `method` wrote about each candidate set, as a table of the PREDICTIONS schema without scores.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        texts: an answer for each candidate set, as it was written; "" for none.
        titles: by item id.
        method: the method's id.

    Raises:
        ValueError: there are not as many answers as candidate sets, or as `sequences_of` raises it.
    """
    rows = sequences_of(sequences, candidates)
    listed = candidates["candidates"].to_pylist()
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
        "scores": pa.nulls(candidates.num_rows, pa.list_(pa.float64())),
        "text": pa.array(texts, pa.string()),
        "choice": pa.array(
            [resolve_choice(text, among, titles) for text, among in zip(texts, listed, strict=True)], pa.int32()
        ),
    }
    return pa.table(columns, schema=PREDICTIONS)
