"""Step time of instance-wise LoRA against PEFT's own LoRA: ``python -m ilora.benchmarks.adapter OUTPUT.json``."""

import sys
from collections.abc import Callable

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from ilora.adapters import ExpertWeights, build_gate, gate_lora_layers
from ilora.benchmarks.claims import Claim, compare_times, show_claims, write_claims

RANK, EXPERTS = 8, 4
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def embedded_step(batch: int, tokens: int, experts: int | None) -> Callable[[], None]:
    """Give one forward and backward pass through the embedded backbone's shape, uniform or gated."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=6000,
            hidden_size=128,
            intermediate_size=352,
            num_hidden_layers=3,
            num_attention_heads=2,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        )
    )
    adapted = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=32, target_modules=MODULES))
    weights = ExpertWeights(RANK, experts or 1, "per_expert_rank")
    if experts is not None:
        gate_lora_layers(adapted, weights)
    gate = build_gate("linear", 64, experts or 1)
    z = torch.randn(batch, 64)
    inputs = torch.randn(batch, tokens, 128)
    decoder = model.get_decoder()

    def step() -> None:
        if experts is not None:
            weights.set(gate(z))
        decoder(inputs_embeds=inputs, use_cache=False).last_hidden_state.sum().backward()

    return step


def measure() -> list[Claim]:
    """Measure every claim of this section."""
    return [
        compare_times(
            "step_time_vs_lora_embedded",
            embedded_step(16, 170, EXPERTS),
            embedded_step(16, 170, None),
            target=1.10,
        )
    ]


if __name__ == "__main__":
    measured = measure()
    write_claims(measured, sys.argv[1])
    print(show_claims(measured))
