"""A tiny Llama with random weights as a GGUF file, in the form of llama.cpp's converter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, dequantize, quantize
from numpy.typing import NDArray
from tokenizers import pre_tokenizers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.backbone.tokenizer import train_tokenizer
from ilora.datasets.register import DATASETS

#: Rows of weights are as long as a block of Q8_0.
SHAPE = BackboneShape(hidden_size=32, layers=2, heads=2, intermediate_size=64)
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"

_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def small_tokenizer() -> PreTrainedTokenizerFast:
    """Return byte-level BPE of a few hundred tokens that splits text as GPT-2 does, with a chat template."""
    tokenizer = train_tokenizer(["The Ape", "Alien"], DATASETS["movielens"].wording, vocabulary_size=320)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def small_llama(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return random weights, large enough for rounding to have an effect."""
    torch.manual_seed(0)
    return build_backbone(SHAPE, tokenizer).eval()


def write_gguf(
    path: Path,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast | None,
    *,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    architecture: str = "llama",
    pre_tokenizer: str = "gpt-2",
    extra: dict[str, NDArray[np.float32]] | None = None,
    omitted: str | None = None,
) -> None:
    """Write a model and its tokenizer.

    Args:
        path: file to write.
        model: model whose weights are written.
        tokenizer: the model's tokenizer; None for a file without one.
        kind: type of the matrices; vectors are F32.
        architecture: name of the architecture in the file.
        pre_tokenizer: name of the pre-tokenizer in the file.
        extra: additional tensors, by name.
        omitted: name of a tensor to leave out.
    """
    writer = GGUFWriter(path, architecture)
    config: Any = model.config
    writer.add_name("small llama")
    writer.add_license("apache-2.0")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    if tokenizer is not None:
        _add_tokenizer(writer, tokenizer, pre_tokenizer)
    for name, weight in _named(model).items():
        if name != omitted:
            stored = kind if weight.ndim > 1 else GGMLQuantizationType.F32
            writer.add_tensor(name, quantize(weight, stored), raw_dtype=stored)
    for name, tensor in (extra or {}).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rounded(model: LlamaForCausalLM, kind: GGMLQuantizationType) -> LlamaForCausalLM:
    """Round the matrices of a model to values that blocks of this type can represent."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.from_numpy(dequantize(quantize(weight.numpy(), kind), kind)))
    return model


def _add_tokenizer(writer: GGUFWriter, tokenizer: PreTrainedTokenizerFast, pre_tokenizer: str) -> None:
    bpe = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    special = set(tokenizer.all_special_tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token, _ in tokens])
    writer.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    writer.add_add_bos_token(False)
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(tokenizer.chat_template)


def _named(model: LlamaForCausalLM) -> dict[str, NDArray[np.float32]]:
    """Return the weights in llama.cpp's form: its names, and the halves of each head of q and k interleaved."""
    heads = {"q_proj": model.config.num_attention_heads, "k_proj": model.config.num_key_value_heads}
    named = {}
    for name, parameter in model.named_parameters():
        stem, _, ending = name.rpartition(".")
        weight = parameter.detach().numpy()
        count = heads.get(stem.rpartition(".")[2])
        if count is not None:
            halves = weight.reshape(count, 2, -1, weight.shape[1])
            weight = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
        if stem.startswith("model.layers."):
            _, _, layer, stem = stem.split(".", 3)
            named[f"blk.{layer}.{_NAMES[stem]}.{ending}"] = weight
        else:
            named[f"{_NAMES[stem]}.{ending}"] = weight
    return named
