"""The last layer of a Llama, computed only at the positions whose outputs are needed.

A layer's keys and values are needed at every position, but its queries and everything after them only where its output
is used. Only the loss uses the output of the last layer. If answers are a few tokens of a prompt, this saves most of a
layer, which is one of three in the embedded backbone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaDecoderLayer, LlamaForCausalLM, rotate_half


def can_restrict(causal_model: Any, tokens: int, places: int) -> bool:
    """Return whether the last layer can, and should, be computed only at ``places`` of ``tokens`` positions."""
    if not _is(causal_model, LlamaForCausalLM) or causal_model.config._attn_implementation != "sdpa":
        return False
    layer = causal_model.model.layers[-1]
    return _is(layer, LlamaDecoderLayer) and _is(layer.self_attn, LlamaAttention) and 0 < 2 * places <= tokens


def _is(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Return whether a module's class is exactly ``kind``, or the one that FSDP derives from it."""
    return type(module) is kind or (isinstance(module, FSDPModule) and kind in type(module).__bases__)


@contextmanager
def last_layer_at(causal_model: Any, places: torch.Tensor) -> Iterator[None]:
    """Compute the last hidden states only at selected positions, (rows, places, h), within the context.

    Gradient checkpointing is disabled for this layer: it needs less memory than the recomputation of another layer.

    Args:
        causal_model: model that `can_restrict` accepts. Its batches must have no padding on the left, mask or cache.
        places: positions in each row, int64 (rows, places).
    """
    layer = causal_model.model.layers[-1]
    is_checkpointing = layer.gradient_checkpointing
    layer.gradient_checkpointing, layer.forward = False, partial(_forward_at, layer, places)
    try:
        yield
    finally:
        layer.gradient_checkpointing = is_checkpointing
        del layer.forward


def at_places(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Select the states at some positions, (rows, places, h), from all states, (rows, tokens, h)."""
    return states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))


def _forward_at(
    layer: Any,
    places: torch.Tensor,
    hidden_states: torch.Tensor,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    **_: Any,
) -> torch.Tensor:
    attention = layer.self_attn
    normed = layer.input_layernorm(hidden_states)
    cosines, sines = position_embeddings
    at = partial(at_places, places=places)
    query = _rotated(
        _heads(attention.q_proj(at(normed)), attention.head_dim),
        *(at(angles.expand(len(places), -1, -1)) for angles in (cosines, sines)),
    )
    key = _rotated(_heads(attention.k_proj(normed), attention.head_dim), cosines, sines)
    value = _heads(attention.v_proj(normed), attention.head_dim)
    visible = torch.arange(hidden_states.shape[1], device=places.device) <= places[..., None]
    dropout = attention.attention_dropout if layer.training else 0.0
    read = sdpa_attention_forward(
        attention, query, key, value, visible[:, None], dropout=dropout, scaling=attention.scaling
    )[0]
    middle = at(hidden_states) + attention.o_proj(read.flatten(2))
    return middle + layer.mlp(layer.post_attention_layernorm(middle))


def _heads(states: torch.Tensor, width: int) -> torch.Tensor:
    """Reshape (rows, tokens, heads * width) to (rows, heads, tokens, width)."""
    return states.unflatten(-1, (-1, width)).transpose(1, 2)


def _rotated(states: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    return states * cosines[:, None] + rotate_half(states) * sines[:, None]
