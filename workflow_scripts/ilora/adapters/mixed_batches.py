"""Batches whose rows have adapters of their own, as PEFT's ``adapter_names`` says it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: What PEFT calls a row without adapter.
_NO_ADAPTER = "__base__"


class RowAdapters(threading.local):
    """Which adapter each row of the batch in flight has, each thread with its own.

    Attributes:
        names: one for each row; None where all rows have the active one.
    """

    names: Sequence[str] | None = None

    @contextmanager
    def set(self, names: Sequence[str] | None) -> Iterator[None]:
        """While it lasts, the rows have these."""
        before, self.names = self.names, names
        try:
            yield
        finally:
            self.names = before


def rows_by_adapter(names: Sequence[str]) -> dict[str, list[int]]:
    """Give the places of each adapter's rows, without those that have none."""
    return {
        name: [row for row, found in enumerate(names) if found == name] for name in sorted(set(names) - {_NO_ADAPTER})
    }


def check_rows(found: int, expected: int) -> None:
    """Refuse sequence representations that are not one for each row of a mixed batch.

    Raises:
        ValueError: if they are not.
    """
    if found != expected:
        raise ValueError(
            f"sequence_representations: found {found} rows, expected {expected}, one for each of "
            "adapter_names; those of rows without adapter are not read"
        )
