"""A tiny Qwen2 with random weights and a chat template, as a model directory for a study's backbone."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from ilora.backbone.tokenizer import train_tokenizer
from ilora.datasets.register import DATASETS

CONTROLS = ["<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_small_qwen(folder: Path) -> None:
    """Write configuration, weights and tokenizer; there is no start or unknown token, and the end token pads."""
    tokenizer = train_tokenizer(["The Ape", "Alien"], DATASETS["movielens"].wording, vocabulary_size=400)
    tokenizer.add_special_tokens({"extra_special_tokens": CONTROLS})
    tokenizer.bos_token = None
    tokenizer.pad_token = tokenizer.eos_token = CONTROLS[1]
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=2048,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
