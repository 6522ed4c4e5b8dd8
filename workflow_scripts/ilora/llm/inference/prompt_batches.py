"""Prompts prepared for inference, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, TokenisedPrompt


@dataclass(frozen=True)
class PreparedPrompt:
    """A tokenised prompt and, for an instance-wise adapter, its gate input, float (width,)."""

    tokens: TokenisedPrompt
    gate_input: torch.Tensor | None


@dataclass(frozen=True)
class PromptBatch:
    """A batch of prompts, padded on the left, so that all of them end in the last column.

    Attributes:
        embeddings: embeddings with behaviour tokens in place, float (rows, tokens, h).
        attention_mask: int64 (rows, tokens), 0 at padding.
        gate_inputs: float (rows, width), or None.
    """

    embeddings: torch.Tensor
    attention_mask: torch.Tensor
    gate_inputs: torch.Tensor | None


def in_batches(prompts: Sequence[PreparedPrompt], batch_size: int) -> Iterator[list[int]]:
    """Yield the prompts' indices in batches, longest prompts first, so that a batch needs little padding."""
    longest_first = sorted(range(len(prompts)), key=lambda index: -len(prompts[index].tokens.token_ids))
    for begin in range(0, len(prompts), batch_size):
        yield longest_first[begin : begin + batch_size]


def prompt_batch(model: HybridLanguageModel, prompts: Sequence[PreparedPrompt]) -> PromptBatch:
    """Embed prompts on the model's device."""
    where = model.causal_model.device
    longest = max(len(prompt.tokens.token_ids) for prompt in prompts)
    # Any token works as padding, because nothing attends to it.
    input_ids = torch.zeros((len(prompts), longest), dtype=torch.int64)
    behaviour = torch.full_like(input_ids, NO_ITEM)
    attention_mask = torch.zeros_like(input_ids)
    for row, prompt in enumerate(prompts):
        begin = longest - len(prompt.tokens.token_ids)
        input_ids[row, begin:] = torch.tensor(prompt.tokens.token_ids)
        behaviour[row, begin:] = torch.tensor(prompt.tokens.behaviour)
        attention_mask[row, begin:] = 1
    gate_inputs = [prompt.gate_input for prompt in prompts if prompt.gate_input is not None]
    return PromptBatch(
        embeddings=model.embed(input_ids.to(where), behaviour.to(where)),
        attention_mask=attention_mask.to(where),
        gate_inputs=torch.stack(gate_inputs).to(where) if gate_inputs else None,
    )
