"""Rows of the error analysis for the figures and tables of one data set."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

#: Rows of ERROR_ANALYSIS for the test split of one data set.
DRAWN = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),
        pa.field("breakdown", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("order", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("covers", pa.string(), nullable=False),  # variation in the interval
    ]
)


def select_breakdowns(analysis: pa.Table, dataset: str, breakdowns: Iterable[str], methods: Sequence[str]) -> pa.Table:
    """Return the rows of one data set, of the schema DRAWN: the mean over all seeds of each method.

    Args:
        analysis: of the schema `ilora.evaluation.error_analysis.ERROR_ANALYSIS`.
        dataset: data set to show.
        breakdowns: breakdowns to show.
        methods: ids of the methods to show, in order.

    Raises:
        ValueError: if there are no such rows.
    """
    frame = analysis.to_pandas()
    frame = frame[(frame["dataset"] == dataset) & (frame["variant"] == "default") & (frame["split"] == "test")]
    frame = frame[frame["method"].isin(methods)]
    frame = frame.sort_values("method", key=lambda ids: ids.map(list(methods).index), kind="stable")
    over_all_seeds = frame["seeds"] == frame.groupby("method")["seeds"].transform("max")
    frame = frame[over_all_seeds & frame["breakdown"].isin(list(breakdowns)) & frame["value"].notna()]
    if frame.empty:
        raise ValueError(
            f"the error analysis has no test rows of {dataset!r} for {', '.join(breakdowns)}: has the study a method "
            "that answers in text?"
        )
    return pa.Table.from_pandas(frame[DRAWN.names], schema=DRAWN, preserve_index=False)
