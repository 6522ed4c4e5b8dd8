"""Prompts that wait for an answer, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, TokenisedPrompt


@dataclass(frozen=True)
class Question:
    """A prompt and, for an instance-wise adapter, what its gate reads, float (width,)."""

    prompt: TokenisedPrompt
    guidance: torch.Tensor | None


@dataclass(frozen=True)
class PromptBatch:
    """Prompts that are read together, padded on the left, so that all of them end in the last column.

    Attributes:
        embeddings: (rows, tokens, h), behaviour tokens in place.
        attention_mask: int64 (rows, tokens), 0 at padding.
        guidance: float (rows, width), or None.
    """

    embeddings: torch.Tensor
    attention_mask: torch.Tensor
    guidance: torch.Tensor | None


def in_batches(questions: Sequence[Question], batch_size: int) -> Iterator[list[int]]:
    """Give the questions' indices in batches, longest prompts first: those of like length need little padding."""
    longest_first = sorted(range(len(questions)), key=lambda index: -len(questions[index].prompt.token_ids))
    for begin in range(0, len(questions), batch_size):
        yield longest_first[begin : begin + batch_size]


def prompt_batch(model: HybridLanguageModel, questions: Sequence[Question]) -> PromptBatch:
    """Embed the prompts of some questions, on the model's device."""
    where = model.causal_model.device
    longest = max(len(question.prompt.token_ids) for question in questions)
    # Any token will do for padding, which nothing attends to.
    input_ids = torch.zeros((len(questions), longest), dtype=torch.int64)
    behaviour = torch.full_like(input_ids, NO_ITEM)
    attention_mask = torch.zeros_like(input_ids)
    for row, question in enumerate(questions):
        begin = longest - len(question.prompt.token_ids)
        input_ids[row, begin:] = torch.tensor(question.prompt.token_ids)
        behaviour[row, begin:] = torch.tensor(question.prompt.behaviour)
        attention_mask[row, begin:] = 1
    guidance = [question.guidance for question in questions if question.guidance is not None]
    return PromptBatch(
        embeddings=model.embed(input_ids.to(where), behaviour.to(where)),
        attention_mask=attention_mask.to(where),
        guidance=torch.stack(guidance).to(where) if guidance else None,
    )
