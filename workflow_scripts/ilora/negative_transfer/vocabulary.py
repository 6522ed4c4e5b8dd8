"""Sequences as tokens: one token for each item, one for each group, and one for an unnamed group."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.negative_transfer.groups import GroupInPrompt, Sequences


@dataclass(frozen=True)
class Vocabulary:
    """Token ids: items first, then the names of the groups, then the name of an unnamed group."""

    items: int
    groups: int

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self.items + self.groups + 1

    def prompts(self, sequences: Sequences, group_in_prompt: GroupInPrompt) -> NDArray[np.int64]:
        """Return the group's name (or that of an unnamed group) and the history, int64 [n, 1 + length]."""
        nobody = np.full(len(sequences.groups), self.items + self.groups)
        names = self.items + sequences.groups if group_in_prompt == "named" else nobody
        return np.concatenate([names[:, None], sequences.histories], axis=1)
