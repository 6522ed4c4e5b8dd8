"""The tokens of a generator: padding, the codes of each level, and users."""

import hashlib
from dataclasses import dataclass

import torch

from ilora.generative.semantic_ids import SemanticIds

PADDING = 0
"""Fills histories up, and is what a decoder begins with, as in T5."""


@dataclass(frozen=True)
class Vocabulary:
    """Token ids: 0 for padding, then the codes of the first level, of the second, ..., then the users.

    A code of one level is another token than the same number at another level.

    Attributes:
        sizes: how many codes each level has.
        user_tokens: how many tokens stand for users; 0 for none.
    """

    sizes: tuple[int, ...]
    user_tokens: int = 0

    @property
    def offsets(self) -> tuple[int, ...]:
        """The token of each level's code 0."""
        return tuple(PADDING + 1 + sum(self.sizes[:level]) for level in range(len(self.sizes)))

    @property
    def first_user(self) -> int:
        """The first user's token."""
        return PADDING + 1 + sum(self.sizes)

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return self.first_user + self.user_tokens

    @property
    def levels(self) -> torch.Tensor:
        """What kind each token is of, int64 (tokens,): 0 for padding, 1 + its level for a code, the last for a user."""
        counts = [PADDING + 1, *self.sizes, self.user_tokens]
        return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))

    def item_tokens(self, ids: SemanticIds) -> torch.Tensor:
        """Return the tokens of each item, int64 (items, levels).

        Raises:
            ValueError: the ids are of other levels.
        """
        if ids.sizes != self.sizes:
            raise ValueError(f"vocabulary: found ids with levels of {ids.sizes} codes, expected {self.sizes}")
        return ids.codes + torch.tensor(self.offsets)

    def user_token(self, raw_user_id: str) -> list[int]:
        """Return the token of a user, one of `user_tokens` by a hash of the id (TIGER, section 3.2); none without."""
        if not self.user_tokens:
            return []
        digest = hashlib.blake2b(raw_user_id.encode(), digest_size=8).digest()
        return [self.first_user + int.from_bytes(digest) % self.user_tokens]
