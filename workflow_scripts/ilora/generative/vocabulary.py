"""The tokens of a generator: padding, the codes of each level, and users."""

import hashlib
from dataclasses import dataclass

import torch

from ilora.generative.semantic_ids import SemanticIds

PADDING = 0
"""Padding token of histories and, as in T5, start token of the decoder."""


@dataclass(frozen=True)
class Vocabulary:
    """Token ids: 0 for padding, then the codes of the first level, of the second, ..., then the users.

    The same code at different levels has different tokens.

    Attributes:
        sizes: number of codes of each level.
        user_tokens: number of user tokens; 0 for none.
    """

    sizes: tuple[int, ...]
    user_tokens: int = 0

    @property
    def offsets(self) -> tuple[int, ...]:
        """The token of each level's code 0."""
        return tuple(PADDING + 1 + sum(self.sizes[:level]) for level in range(len(self.sizes)))

    @property
    def first_user(self) -> int:
        """The first user token."""
        return PADDING + 1 + sum(self.sizes)

    def __len__(self) -> int:
        """Return the number of tokens."""
        return self.first_user + self.user_tokens

    @property
    def levels(self) -> torch.Tensor:
        """The level of each token, int64 (tokens,): 0 for padding, 1 + level for a code, the highest for a user."""
        counts = [PADDING + 1, *self.sizes, self.user_tokens]
        return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))

    def item_tokens(self, ids: SemanticIds) -> torch.Tensor:
        """Return the tokens of each item, int64 (items, levels).

        Raises:
            ValueError: the sizes of the levels differ.
        """
        if ids.sizes != self.sizes:
            raise ValueError(f"vocabulary: found ids with levels of {ids.sizes} codes, expected {self.sizes}")
        return ids.codes + torch.tensor(self.offsets)

    def user_token(self, raw_user_id: str) -> list[int]:
        """Return the token of a user, chosen by a hash of the id (TIGER, section 3.2), or none without user tokens."""
        if not self.user_tokens:
            return []
        digest = hashlib.blake2b(raw_user_id.encode(), digest_size=8).digest()
        return [self.first_user + int.from_bytes(digest) % self.user_tokens]
