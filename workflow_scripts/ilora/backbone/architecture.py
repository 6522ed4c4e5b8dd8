"""Architecture of the embedded backbone."""

from dataclasses import dataclass

from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase


@dataclass(frozen=True)
class BackboneShape:
    """A Llama of ``layers`` decoder layers; ``hidden_size`` must be a multiple of ``heads``."""

    hidden_size: int = 128
    layers: int = 3
    heads: int = 2
    intermediate_size: int = 352
    maximum_tokens: int = 1024
    rope_theta: float = 1e6


def build_backbone(shape: BackboneShape, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """Build a randomly initialised model with tied embeddings.

    Raises:
        ValueError: if the hidden size is not a multiple of the number of heads.
    """
    if shape.hidden_size % shape.heads:
        raise ValueError(f"hidden_size {shape.hidden_size} is not a multiple of heads {shape.heads}")
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            intermediate_size=shape.intermediate_size,
            max_position_embeddings=shape.maximum_tokens,
            rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
