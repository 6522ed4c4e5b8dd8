"""Items that a user had before a target, which a full ranking may exclude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.data.positions import locate, runs


@dataclass(frozen=True)
class SeenItems:
    """The complete item sequence of every user; the items before a target are a prefix of it.

    Unlike a history in SEQUENCES, it is not cut to the latest items.

    Attributes:
        items: int32 [interactions], by user, then in the order of the user's sequence.
        first_rows: int64 [users], first row of each user's items, by user id.
        lengths: int64 [users], number of each user's items.
    """

    items: npt.NDArray[np.int32]
    first_rows: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, interactions: pa.Table) -> SeenItems:
        """Return the sequences of a table of the schema `INTERACTIONS`.

        Raises:
            ValueError: a user's rows are not contiguous.
        """
        user_ids = interactions["user_id"].to_numpy()
        positions = locate(user_ids)
        first_rows, lengths = np.zeros((2, int(user_ids.max(initial=-1)) + 1), dtype=np.int64)
        users = user_ids[positions.first_rows]
        first_rows[users], lengths[users] = positions.first_rows, positions.lengths
        return cls(interactions["item_id"].to_numpy(), first_rows, lengths)

    def before(self, sequences: pa.Table, items: int) -> npt.NDArray[np.bool_]:
        """Return which items the user of each sequence had before its target, bool [sequences, items].

        The target itself is never included, even if the user had it before.

        Args:
            sequences: rows of the schema `SEQUENCES`.
            items: number of items in the data set.

        Raises:
            ValueError: a sequence does not match the interactions.
        """
        users, positions = sequences["user_id"].to_numpy(), sequences["position"].to_numpy().astype(np.int64)
        targets = sequences["target"].to_numpy()
        self._check(users, positions, targets)
        seen = np.zeros((len(users), items), dtype=np.bool_)
        seen[np.repeat(np.arange(len(users)), positions), self.items[runs(self.first_rows[users], positions)]] = True
        seen[np.arange(len(users)), targets] = False
        return seen

    def _check(
        self, users: npt.NDArray[np.int32], positions: npt.NDArray[np.int64], targets: npt.NDArray[np.int32]
    ) -> None:
        known = users < len(self.lengths)
        known[known] &= positions[known] < self.lengths[users[known]]
        known[known] &= self.items[self.first_rows[users[known]] + positions[known]] == targets[known]
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(
                f"the interactions do not have item {targets[row]} at position {positions[row]} of user {users[row]}, "
                "unlike the sequences. Do the sequences and the interactions belong together?"
            )
