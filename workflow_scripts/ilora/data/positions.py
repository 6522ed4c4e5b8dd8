"""Positions of interactions in their users' sequences."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Positions:
    """The position of every interaction in its user's sequence.

    Attributes:
        from_start: int64 [rows], 0 for a user's first interaction.
        from_end: int64 [rows], 0 for a user's last interaction.
    """

    from_start: Rows
    from_end: Rows

    @property
    def first_rows(self) -> Rows:
        """The row of each user's first interaction, int64 [users], in the order of the rows."""
        return np.flatnonzero(self.from_start == 0)

    @property
    def lengths(self) -> Rows:
        """The length of each user's sequence, int64 [users], in the order of the rows."""
        return self.from_end[self.first_rows] + 1


def locate(user_ids: npt.NDArray[np.int32]) -> Positions:
    """Return the position of each row in its user's sequence.

    Args:
        user_ids: int32 [rows], each user's rows together and in order.

    Raises:
        ValueError: a user's rows are not together.
    """
    _, lengths = spans(user_ids)
    from_start = runs(np.zeros_like(lengths), lengths)
    return Positions(from_start, np.repeat(lengths - 1, lengths) - from_start)


def spans(user_ids: npt.NDArray[np.int32]) -> tuple[Rows, Rows]:
    """Return the row of each user's first interaction and the length of its sequence, in the order of the rows.

    Args:
        user_ids: int32 [rows], each user's rows together and in order.

    Raises:
        ValueError: a user's rows are not together.
    """
    is_first = np.ones(len(user_ids), dtype=bool)
    is_first[1:] = user_ids[1:] != user_ids[:-1]
    starts = np.flatnonzero(is_first)
    users = user_ids[starts]
    if (users[1:] < users[:-1]).any() and len(users) != len(np.unique(users)):
        raise ValueError("The rows of a user are not contiguous: order the interactions by user first.")
    return starts, np.diff(np.append(starts, len(user_ids)))


def runs(starts: Rows, lengths: Rows) -> Rows:
    """Return the concatenated ranges start, start + 1, ..., start + length - 1 of all pairs, int64."""
    ends = np.cumsum(lengths)
    rows = np.arange(ends[-1] if len(ends) else 0)
    rows += np.repeat(starts - (ends - lengths), lengths)
    return rows
