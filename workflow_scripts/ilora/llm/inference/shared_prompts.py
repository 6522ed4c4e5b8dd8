"""A batch of prompts that is read once, into a cache of keys and values, for all that may follow them.

What follows stands in one row behind its prompt: a token attends to the prompt and to what stands before it in its own
answer, and its position is the one that it would have there. So the cache is never copied for each answer, and a row of
the batch stays one sequence, as an instance-wise adapter needs it. This is the tree attention of speculative decoding
(SpecInfer, Miao et al. 2024, arXiv 2305.09781), used for scoring.
"""

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ilora.llm.inference.prompt_batches import PromptBatch
from ilora.llm.model.hybrid_model import HybridLanguageModel

KeysAndValues = tuple[torch.Tensor, torch.Tensor]
"""Of some tokens in one layer: (rows, heads, tokens, d) each."""


@dataclass(frozen=True)
class ReadPrompts:
    """A batch of prompts that has been read.

    Attributes:
        cache: transformers' cache of it.
        attention_mask: int64 (rows, tokens), 0 at padding.
        logits: after each prompt's end, (rows, vocabulary).
    """

    cache: Any
    attention_mask: torch.Tensor
    logits: torch.Tensor


@dataclass(frozen=True)
class ReadBehind:
    """Tokens that have been read behind the prompts.

    Attributes:
        logits: after each of them, (rows, tokens, vocabulary).
        layers: their keys and values, layer by layer.
    """

    logits: torch.Tensor
    layers: list[KeysAndValues]


def can_share(causal_model: Any, longest: int) -> bool:
    """Whether a mask of our own reaches every layer's attention, and no layer forgets the start of ``longest`` tokens.

    Args:
        causal_model: transformers' model.
        longest: tokens of the longest prompt with its longest answer.
    """
    config = causal_model.config
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    layers = set(getattr(config, "layer_types", None) or [])
    return (
        config._attn_implementation in ("sdpa", "eager")
        and {"position_ids", "past_key_values"} <= inspect.signature(causal_model.forward).parameters.keys()
        and layers <= {"full_attention", "sliding_attention", "chunked_attention"}
        and all(window is None or longest <= window for window in windows)
    )


def read_prompts(model: HybridLanguageModel, batch: PromptBatch) -> ReadPrompts:
    """Read a batch of prompts."""
    output = model.causal_model(
        inputs_embeds=batch.embeddings,
        attention_mask=batch.attention_mask,
        position_ids=(batch.attention_mask.cumsum(dim=1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1,
    )
    return ReadPrompts(output.past_key_values, batch.attention_mask, output.logits[:, -1])


def read_behind(
    model: HybridLanguageModel,
    prompts: ReadPrompts,
    token_ids: torch.Tensor,
    among: torch.Tensor,
    earlier: Sequence[KeysAndValues] = (),
) -> ReadBehind:
    """Read tokens behind the prompts, and behind some that were read there before.

    Args:
        model: that read the prompts.
        prompts: stay as they are.
        token_ids: int64 (rows, tokens).
        among: bool (rows, tokens, earlier tokens + tokens), what the tokens attend to beside their prompt; themselves
            at least.
        earlier: keys and values of the earlier tokens, layer by layer; none for no such tokens.
    """
    embeddings = model.causal_model.get_input_embeddings()(token_ids)
    prompt = prompts.attention_mask.bool()[:, None].expand(-1, token_ids.shape[1], -1)
    visible = torch.cat([prompt, among], dim=2)
    mask = torch.zeros(visible.shape, dtype=embeddings.dtype, device=embeddings.device)
    mask.masked_fill_(~visible, torch.finfo(embeddings.dtype).min)
    cache = _branch(prompts.cache)
    for number, (keys, values) in enumerate(earlier):
        cache.update(keys, values, number)
    logits = model.causal_model(
        inputs_embeds=embeddings,
        attention_mask=mask[:, None],
        position_ids=visible.sum(dim=2) - 1,
        past_key_values=cache,
        use_cache=True,
    ).logits
    read = token_ids.shape[1]
    return ReadBehind(logits, [(layer.keys[:, :, -read:], layer.values[:, :, -read:]) for layer in cache.layers])


def log_probabilities_of(
    after_prompts: torch.Tensor,
    after_tokens: torch.Tensor,
    rows: torch.Tensor,
    predictors: torch.Tensor,
    tokens: torch.Tensor,
) -> torch.Tensor:
    """Give the log-probability of some tokens from the logits of what predicts them, on the CPU, float32 or wider.

    Args:
        after_prompts: (rows, vocabulary).
        after_tokens: (rows, tokens read, vocabulary).
        rows: int64 (tokens,), the row of each token that is asked for.
        predictors: int64 (tokens,), what predicts it: 0 is the prompt's end, 1 the first token that was read.
        tokens: int64 (tokens,).
    """
    # Row by row: half precision is widened, and the whole batch would not always fit.
    ends, inside = wide(after_prompts).logsumexp(-1), [wide(row).logsumexp(-1) for row in after_tokens]
    normalisers = torch.cat([ends[:, None], torch.stack(inside)], dim=1)
    within = after_tokens[rows, (predictors - 1).clamp(min=0), tokens]
    logits = torch.where(predictors == 0, after_prompts[rows, tokens], within)
    return (wide(logits) - normalisers[rows, predictors]).cpu()


def wide(logits: torch.Tensor) -> torch.Tensor:
    """Half precision is too coarse to sum probabilities over a vocabulary in."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _branch(cache: Any) -> Any:
    """Give a cache that grows on its own: layers append by making new tensors, so the prompt's stay as they are."""
    branch = copy.copy(cache)
    branch.layers = [copy.copy(layer) for layer in cache.layers]
    return branch
