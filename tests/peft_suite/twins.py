"""Small models with random weights that replace those that PEFT's tests load from the Hugging Face Hub.

They have the layout of the hub's cache, so that models load by id without a network.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

VOCABULARY = 1200
_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_DECODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    **_TOKENS,
}
_ENCODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
}
_GPT2 = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 5, "n_head": 4, "n_positions": 512, **_TOKENS}
_OPT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "word_embed_proj_dim": 16,
    "ffn_dim": 32,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    **_TOKENS,
}
_GEMMA3 = {"head_dim": 8, "query_pre_attn_scalar": 8, "layer_types": ["sliding_attention", "full_attention"]}
_T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 37,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
_BART = {
    "vocab_size": VOCABULARY,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 4,
    "decoder_ffn_dim": 4,
    "max_position_embeddings": 512,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 8}
_MIXTRAL = {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8}

#: Transformers' configuration and architecture classes, and the configuration's settings, by id on the hub.
TWINS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "peft-internal-testing/tiny-random-OPTForCausalLM": (
        "OPTConfig",
        "OPTForCausalLM",
        {**_OPT, "num_hidden_layers": 5},
    ),
    "peft-internal-testing/opt-125m": ("OPTConfig", "OPTForCausalLM", {**_OPT, "num_hidden_layers": 12}),
    "facebook/opt-125m": ("OPTConfig", "OPTForCausalLM", {**_OPT, "num_hidden_layers": 12}),
    "peft-internal-testing/tiny-random-GPT2LMHeadModel": ("GPT2Config", "GPT2LMHeadModel", _GPT2),
    "peft-internal-testing/tiny-random-gpt2": ("GPT2Config", "GPT2LMHeadModel", _GPT2),
    "hf-internal-testing/tiny-random-gpt2": ("GPT2Config", "GPT2LMHeadModel", _GPT2),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", _GPT2),
    "openai-community/gpt2": ("GPT2Config", "GPT2LMHeadModel", _GPT2),
    "peft-internal-testing/tiny-random-GPTJForCausalLM": (
        "GPTJConfig",
        "GPTJForCausalLM",
        {**_GPT2, "n_layer": 2, "rotary_dim": 4},
    ),
    "peft-internal-testing/tiny-random-GPTNeoXForCausalLM": ("GPTNeoXConfig", "GPTNeoXForCausalLM", _DECODER),
    "peft-internal-testing/tiny-random-BloomForCausalLM": (
        "BloomConfig",
        "BloomForCausalLM",
        {"vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 5, "n_head": 4, **_TOKENS},
    ),
    "trl-internal-testing/tiny-random-LlamaForCausalLM": ("LlamaConfig", "LlamaForCausalLM", _DECODER),
    "peft-internal-testing/tiny-random-LlamaForCausalLM": ("LlamaConfig", "LlamaForCausalLM", _DECODER),
    "hf-internal-testing/tiny-random-LlamaForCausalLM": ("LlamaConfig", "LlamaForCausalLM", _DECODER),
    "trl-internal-testing/tiny-LlamaForSequenceClassification-3.2": (
        "LlamaConfig",
        "LlamaForSequenceClassification",
        _DECODER,
    ),
    "peft-internal-testing/tiny-dummy-qwen2": ("Qwen2Config", "Qwen2ForCausalLM", _DECODER),
    "Qwen/Qwen2-0.5B": ("Qwen2Config", "Qwen2ForCausalLM", _DECODER),
    "trl-internal-testing/tiny-Qwen3ForCausalLM": ("Qwen3Config", "Qwen3ForCausalLM", {**_DECODER, "head_dim": 8}),
    "hf-internal-testing/tiny-random-MistralForCausalLM": ("MistralConfig", "MistralForCausalLM", _DECODER),
    "hf-internal-testing/tiny-random-Gemma3ForCausalLM": (
        "Gemma3TextConfig",
        "Gemma3ForCausalLM",
        {**_DECODER, **_GEMMA3},
    ),
    "hf-internal-testing/Mixtral-tiny": ("MixtralConfig", "MixtralForCausalLM", {**_DECODER, **_MIXTRAL}),
    "trl-internal-testing/tiny-Qwen3MoeForCausalLM": (
        "Qwen3MoeConfig",
        "Qwen3MoeForCausalLM",
        {**_DECODER, **_EXPERTS},
    ),
    "trl-internal-testing/tiny-GptOssForCausalLM": ("GptOssConfig", "GptOssForCausalLM", {**_DECODER, **_MIXTRAL}),
    "peft-internal-testing/tiny-random-T5ForConditionalGeneration-calibrated": (
        "T5Config",
        "T5ForConditionalGeneration",
        _T5,
    ),
    "peft-internal-testing/tiny-random-T5ForConditionalGeneration": ("T5Config", "T5ForConditionalGeneration", _T5),
    "peft-internal-testing/tiny-random-t5": ("T5Config", "T5ForConditionalGeneration", _T5),
    "google/flan-t5-small": ("T5Config", "T5ForConditionalGeneration", _T5),
    "peft-internal-testing/tiny-random-BartForConditionalGeneration": (
        "BartConfig",
        "BartForConditionalGeneration",
        _BART,
    ),
    "peft-internal-testing/tiny-random-BertModel": ("BertConfig", "BertModel", _ENCODER),
    "hf-internal-testing/tiny-random-BertModel": ("BertConfig", "BertModel", _ENCODER),
    "peft-internal-testing/tiny-random-BertForSequenceClassification": (
        "BertConfig",
        "BertForSequenceClassification",
        _ENCODER,
    ),
    "peft-internal-testing/tiny-random-RobertaModel": ("RobertaConfig", "RobertaModel", _ENCODER),
    "peft-internal-testing/tiny-random-RobertaForSequenceClassification": (
        "RobertaConfig",
        "RobertaForSequenceClassification",
        _ENCODER,
    ),
    "peft-internal-testing/tiny-random-DebertaModel": ("DebertaConfig", "DebertaModel", _ENCODER),
    "peft-internal-testing/tiny-random-DebertaV2Model": ("DebertaV2Config", "DebertaV2Model", _ENCODER),
}


def write_twins(hub: Path, say: Callable[[str], None]) -> None:
    """Write every missing twin, with weights that depend only on its id.

    Args:
        hub: folder named by HF_HUB_CACHE.
        say: called with a message for each.
    """
    transformers.utils.logging.disable_progress_bar()
    for name in TWINS:
        revision = hashlib.sha1(repr((name, TWINS[name], transformers.__version__)).encode()).hexdigest()
        folder = hub / f"models--{name.replace('/', '--')}"
        snapshot = folder / "snapshots" / revision
        reference = folder / "refs" / "main"
        if reference.is_file() and reference.read_text(encoding="utf-8") == revision:
            continue
        say(f"makes {name}")
        build(name).save_pretrained(snapshot)
        _tokenizer().save_pretrained(snapshot)
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(revision, encoding="utf-8")  # last, so that a named revision is complete


def build(name: str) -> PreTrainedModel:
    """Return the twin of a model on the hub."""
    configuration, architecture, settings = TWINS[name]
    torch.manual_seed(int(hashlib.sha1(name.encode()).hexdigest()[:8], 16))
    config = getattr(transformers, configuration)(**settings)
    # Weights as large as trained ones: with the usual 0.02, no adapter changes an answer.
    if hasattr(config, "initializer_range"):
        config.initializer_range = 0.2
    model: PreTrainedModel = getattr(transformers, architecture)(config)
    return model.eval()


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<pad>", "<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=512
    )
