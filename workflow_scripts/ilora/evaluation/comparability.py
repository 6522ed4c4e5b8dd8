"""Whether methods may stand beside each other: only if they chose from the same candidate sets."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from ilora.evaluation.runs import parse_run

_KEYS = ["sequence_id", "draw"]


class IncomparableError(ValueError):
    """Two runs were evaluated on different candidate sets."""


def check_same_candidates(predictions: Mapping[str, pa.Table]) -> None:
    """Check that all predictions on a data set and protocol answer the same candidate sets.

    Args:
        predictions: tables of the PREDICTIONS schema, by path.

    Raises:
        IncomparableError: two files differ in their sequences and draws, or in a candidate set's hash.
        ValueError: a path is not that of a run.
    """
    references: dict[tuple[str, str], tuple[str, pd.Series]] = {}
    for path, table in predictions.items():
        run = parse_run(path)
        hashes = _hashes(table)
        reference_path, reference = references.setdefault((run.dataset, run.protocol), (path, hashes))
        _compare(reference_path, reference, path, hashes)


def _hashes(table: pa.Table) -> pd.Series:
    """Return the hash of each candidate set, indexed by sequence and draw, in that order."""
    frame = table.select([*_KEYS, "candidates_hash"]).to_pandas()
    return frame.set_index(_KEYS)["candidates_hash"].sort_index()


def _compare(first_path: str, first: pd.Series, second_path: str, second: pd.Series) -> None:
    if not first.index.equals(second.index):
        missing = first.index.symmetric_difference(second.index)
        what = f"{len(missing)} sequences and draws are in one of them only, such as {_named(missing[0])}"
    elif not first.equals(second):
        different = first.index[first.to_numpy() != second.to_numpy()]
        what = f"{len(different)} of {len(first)} candidate sets differ, such as {_named(different[0])}"
    else:
        return
    raise IncomparableError(
        f"{first_path} and {second_path} cannot be compared: {what}. Every method must choose from the same "
        "frozen candidate sets. Delete the older of the two files and run the workflow again."
    )


def _named(key: tuple[int, int]) -> str:
    return f"sequence {key[0]}, draw {key[1]}"
