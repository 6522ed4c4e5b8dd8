"""Batches whose rows use different adapters, selected by PEFT's ``adapter_names``."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: PEFT's name for a row without an adapter.
_NO_ADAPTER = "__base__"


class RowAdapters(threading.local):
    """The adapter of each row of the current batch, separately for each thread.

    Attributes:
        names: adapter name of each row; None if all rows use the active adapter.
    """

    names: Sequence[str] | None = None

    @contextmanager
    def set(self, names: Sequence[str] | None) -> Iterator[None]:
        """Use these adapter names for the rows within the context."""
        before, self.names = self.names, names
        try:
            yield
        finally:
            self.names = before


def rows_by_adapter(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the row numbers of each adapter, leaving out rows without an adapter."""
    return {
        name: [row for row, found in enumerate(names) if found == name] for name in sorted(set(names) - {_NO_ADAPTER})
    }


def check_rows(found: int, expected: int) -> None:
    """Check that a mixed batch has one sequence representation for each row.

    Raises:
        ValueError: if it does not.
    """
    if found != expected:
        raise ValueError(
            f"sequence_representations: found {found} rows, expected {expected}, one for each of "
            "adapter_names; those of rows without an adapter are ignored"
        )
