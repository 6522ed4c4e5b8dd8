"""A batch of prompts processed once into a key-value cache that all continuations share.

All continuations of a prompt follow it in one row: a token attends to the prompt and to the preceding tokens of its own
answer, and has the position that it would have there. The cache is therefore never copied per answer, and a row of the
batch remains one sequence, as an instance-wise adapter requires. This is the tree attention of speculative decoding
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
"""Keys and values of tokens in one layer: (rows, heads, tokens, d) each."""


@dataclass(frozen=True)
class ReadPrompts:
    """A batch of prompts that has been processed.

    Attributes:
        cache: transformers' key-value cache of the batch.
        attention_mask: int64 (rows, tokens), 0 at padding.
        logits: logits after each prompt's end, (rows, vocabulary).
    """

    cache: Any
    attention_mask: torch.Tensor
    logits: torch.Tensor


@dataclass(frozen=True)
class ReadBehind:
    """Tokens that have been processed after the prompts.

    Attributes:
        logits: logits after each token, (rows, tokens, vocabulary).
        layers: keys and values of the tokens, by layer.
    """

    logits: torch.Tensor
    layers: list[KeysAndValues]


def can_share(causal_model: Any, longest: int) -> bool:
    """Return whether a model supports shared prompts.

    A custom mask must reach every layer's attention, and every layer must attend to all of ``longest`` tokens.

    Args:
        causal_model: transformers model.
        longest: number of tokens of the longest prompt with its longest answer.
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
    """Process a batch of prompts."""
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
    """Process tokens that follow the prompts and, optionally, earlier continuation tokens.

    Args:
        model: model that processed the prompts.
        prompts: processed prompts, which are not changed.
        token_ids: int64 (rows, tokens).
        among: attention mask in addition to the prompt, bool (rows, tokens, earlier tokens + tokens); a token attends
            to itself at least.
        earlier: keys and values of the earlier tokens, by layer; empty if there are none.
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
    """Return the log-probabilities of tokens from the logits that predict them, on the CPU, float32 or wider.

    Args:
        after_prompts: logits after the prompts, (rows, vocabulary).
        after_tokens: logits after the continuation tokens, (rows, tokens read, vocabulary).
        rows: row of each token, int64 (tokens,).
        predictors: state that predicts each token, int64 (tokens,): 0 is the prompt's end, 1 the first token read.
        tokens: token ids, int64 (tokens,).
    """
    # Row by row, because the whole batch widened from half precision might not fit.
    ends, inside = wide(after_prompts).logsumexp(-1), [wide(row).logsumexp(-1) for row in after_tokens]
    normalisers = torch.cat([ends[:, None], torch.stack(inside)], dim=1)
    within = after_tokens[rows, (predictors - 1).clamp(min=0), tokens]
    logits = torch.where(predictors == 0, after_prompts[rows, tokens], within)
    return (wide(logits) - normalisers[rows, predictors]).cpu()


def wide(logits: torch.Tensor) -> torch.Tensor:
    """Cast logits to float32 or wider: half precision is too coarse for sums over a vocabulary."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _branch(cache: Any) -> Any:
    """Return a cache that grows independently: layers append by creating new tensors, so the original is unchanged."""
    branch = copy.copy(cache)
    branch.layers = [copy.copy(layer) for layer in cache.layers]
    return branch
