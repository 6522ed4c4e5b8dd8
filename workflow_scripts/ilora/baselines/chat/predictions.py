"""Predictions of a method that only writes text."""

from collections.abc import Sequence

import pyarrow as pa

from ilora.evaluation.validity import resolve_choice
from ilora.recommenders.predictions import predictions_table


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
        ValueError: there are not as many answers as candidate sets, or as `predictions_table` raises it.
    """
    listed = candidates["candidates"].to_pylist()
    chosen = [resolve_choice(text, among, titles) for text, among in zip(texts, listed, strict=True)]
    return predictions_table(
        sequences,
        candidates,
        method,
        scores=pa.nulls(candidates.num_rows, pa.list_(pa.float64())),
        text=pa.array(texts, pa.string()),
        choice=pa.array(chosen, pa.int32()),
    )
