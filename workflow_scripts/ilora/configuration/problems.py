"""Problems of a configuration, one key at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A problem of a configuration: the key's path, what was found there, and what was expected."""

    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        """Return the problem as a line."""
        return f"{self.path}: found {self.found}, expected {self.expected}"


def repeated(path: str, entries: Sequence[object]) -> Iterator[Problem]:
    """Yield a problem for each entry that occurs more than once in the list at a path."""
    for entry in dict.fromkeys(entries):
        if entries.count(entry) > 1:
            yield Problem(path, f"{entry} {entries.count(entry)} times", "each entry once")
