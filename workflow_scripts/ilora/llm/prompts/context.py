"""The context window of a model."""

import logging
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ContextWindow:
    """A limit of ``tokens`` for prompt and answer together; an answer may have up to ``new_tokens``."""

    tokens: int
    new_tokens: int = 0

    def longest_prompt(self, longest_answer: int) -> int:
        """Return the number of tokens left for a prompt.

        Args:
            longest_answer: tokens of the longest title with its end, which follows the prompt in training and scoring.
        """
        return self.tokens - max(self.new_tokens, longest_answer)


def context_window(causal_model: Any, new_tokens: int = 0) -> ContextWindow | None:
    """Return the context window of a transformers causal model; None if its configuration sets no limit.

    Args:
        causal_model: model with its configuration.
        new_tokens: maximum number of generated tokens.
    """
    tokens = getattr(causal_model.config, "max_position_embeddings", None)
    return None if tokens is None else ContextWindow(int(tokens), new_tokens)


def report_cut_histories(cut: int, asked: int, description: str, logger: logging.Logger) -> None:
    """Warn about prompts whose history was cut to fit the context, if there are any.

    Args:
        cut: number of prompts whose history lost its oldest items.
        asked: number of all prompts.
        description: description of the run, for the warning.
        logger: logger for the warning.
    """
    if cut:
        logger.warning(
            "%s: %d of %d prompts did not fit the model's context; their histories lost the oldest items",
            description,
            cut,
            asked,
        )
