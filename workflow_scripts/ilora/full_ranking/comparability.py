"""Comparability of tables of ranks: all must rank the same targets among equally many items."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

_ASKED = ("sequence_id", "split", "user_id", "target")


class UnlikeRanksError(ValueError):
    """A table of ranks has other targets, or ranks another number of items, than expected."""


def check_same_targets(ranks: Mapping[str, pa.Table], sequences: pa.Table) -> None:
    """Check that each method ranks the target of every val and test sequence, once and in order, among the same items.

    Args:
        ranks: tables of the RANKS schema, of one data set and protocol, by path.
        sequences: table of the SEQUENCES schema.

    Raises:
        UnlikeRanksError: a table does not. The message names the file and says what to do.
    """
    asked = sequences.filter(pc.is_in(sequences["split"], pa.array(["val", "test"]))).select(_ASKED)
    first: tuple[str, pa.ChunkedArray] | None = None
    for path, table in ranks.items():
        if not table.select(_ASKED).equals(asked):
            raise UnlikeRanksError(
                f"{path}: does not rank the target of every val and test sequence, once and in order "
                f"({table.num_rows} rows, expected {asked.num_rows}). Delete this file and run the workflow again."
            )
        first = first or (path, table["ranked_items"])
        if not table["ranked_items"].equals(first[1]):
            raise UnlikeRanksError(
                f"{path}: ranks other items than {first[0]}; one of the two may include items that a user had before. "
                "Delete the one that does not match full_ranking.seen_items, and run the workflow again."
            )
