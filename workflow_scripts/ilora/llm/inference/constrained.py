"""Constrained decoding: nothing but the given answers can be written."""

from collections.abc import Callable, Sequence

import torch

from ilora.llm.inference.answer_trie import AnswerTrie

AllowedTokens = Callable[[int, torch.Tensor], list[int]]
"""What transformers calls ``prefix_allowed_tokens_fn``: from a row's number and its tokens to those that may follow."""


def only_answers(tries: Sequence[AnswerTrie], after_the_end: int) -> AllowedTokens:
    """Give the rule by which each row of a batch writes one of its own answers.

    Args:
        tries: one for each row.
        after_the_end: the token that fills a row which has ended, while others go on.

    Returns:
        A function of the row and of what it has written, int64 (new tokens,). It reads no prompt: generation from
        embeddings, which hybrid prompts need, gives it none.
    """

    def allowed(row: int, written: torch.Tensor) -> list[int]:
        return tries[row].next_tokens(written.tolist()) or [after_the_end]

    return allowed
