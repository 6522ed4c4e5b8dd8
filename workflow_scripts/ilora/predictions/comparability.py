"""The check that all methods answer the same frozen candidate sets, without which they cannot be compared."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from ilora.layout import DataKey, parse_run
from ilora.predictions.checking import named_rows

_KEYS = ["sequence_id", "draw"]


class IncomparableError(ValueError):
    """A run was not evaluated on exactly the frozen candidate sets."""


def check_same_candidates(
    predictions: Mapping[str, pa.Table],
    candidates: Mapping[DataKey, pa.Table],
    draws: Mapping[str, int] | None = None,
) -> None:
    """Check that each method answers exactly the frozen candidate sets of its data set and protocol, each once.

    Args:
        predictions: tables of the PREDICTIONS schema, by path.
        candidates: tables of the CANDIDATES schema, by data set and protocol.
        draws: number of draws per sequence, for methods that answer only the first draws.

    Raises:
        IncomparableError: a method lacks candidate sets, has additional or repeated ones, or answers a set whose hash
            or items differ from the frozen ones. The message names the method and the first rows.
        KeyError: `candidates` lacks a data set and protocol.
        ValueError: a path does not belong to a run.
    """
    frozen = {data: _sets(table, "hash") for data, table in candidates.items()}
    for path, table in predictions.items():
        run = parse_run(path)
        wanted = frozen[run.data]
        if draws and run.method in draws:
            wanted = wanted[wanted.index.get_level_values("draw") < draws[run.method]]
        _compare(f"{path}: {run.method}", _sets(table, "candidates_hash"), wanted)


def _sets(table: pa.Table, hash_column: str) -> pd.DataFrame:
    """Return hash and items of each candidate set, indexed and sorted by sequence and draw."""
    frame = table.select([*_KEYS, hash_column, "candidates"]).rename_columns([*_KEYS, "hash", "items"]).to_pandas()
    return frame.assign(items=frame["items"].map(tuple)).set_index(_KEYS).sort_index()


def _compare(name: str, answered: pd.DataFrame, frozen: pd.DataFrame) -> None:
    _refuse(name, "no answer to {} of the frozen candidate sets", frozen.index.difference(answered.index))
    _refuse(name, "answers to {} candidate sets that are not frozen", answered.index.difference(frozen.index))
    _refuse(name, "a second answer to {} of the candidate sets", answered.index[answered.index.duplicated()])
    different = (answered != frozen.loc[answered.index]).any(axis=1).to_numpy()
    _refuse(name, "another hash or other items in {} of the frozen candidate sets", answered.index[different])


def _refuse(name: str, what: str, keys: pd.Index) -> None:
    if len(keys):
        raise IncomparableError(
            f"{name} has {what.format(len(keys))}: {named_rows(list(keys))}. Every method must choose from the same "
            "frozen candidate sets. Delete this file and run the workflow again."
        )
