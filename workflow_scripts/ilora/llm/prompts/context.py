"""How much a model can read at once."""

import logging
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ContextWindow:
    """``tokens`` that a model reads at once, prompt and answer together; an answer may have up to ``new_tokens``."""

    tokens: int
    new_tokens: int = 0

    def longest_prompt(self, longest_answer: int) -> int:
        """Give the tokens that are left to a prompt.

        Args:
            longest_answer: tokens of the longest title with its end, which is learnt, or scored, after the prompt.
        """
        return self.tokens - max(self.new_tokens, longest_answer)


def context_window(causal_model: Any, new_tokens: int = 0) -> ContextWindow | None:
    """Give the context of a transformers causal model; None for one that names no limit.

    Args:
        causal_model: with its configuration.
        new_tokens: that decoding may write.
    """
    tokens = getattr(causal_model.config, "max_position_embeddings", None)
    return None if tokens is None else ContextWindow(int(tokens), new_tokens)


def report_cut_histories(cut: int, asked: int, description: str, logger: logging.Logger) -> None:
    """Warn of prompts whose history was cut to fit the context, if there are any.

    Args:
        cut: prompts whose history lost its oldest items.
        asked: all prompts.
        description: what they were for.
        logger: where the warning goes.
    """
    if cut:
        logger.warning(
            "%s: %d of %d prompts did not fit the model's context; their histories lost the oldest items",
            description,
            cut,
            asked,
        )
