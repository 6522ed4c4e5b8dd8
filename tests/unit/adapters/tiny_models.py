"""Models small enough for tests, and the sum over experts of Eq. 12 written out."""

from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ilora.adapters import InstanceWiseConfig, get_instance_wise_model
from ilora.adapters.gating import lora_layers

VOCABULARY, HIDDEN, WIDTH = 40, 16, 6
PADDING = 0

_ARCHITECTURES: dict[str, tuple[type, type]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "gemma2": (Gemma2Config, Gemma2ForCausalLM),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM),
}
ARCHITECTURES = tuple(_ARCHITECTURES)
#: Settings whose defaults do not scale with the width. The caps are low enough to matter with random weights.
_OWN_SETTINGS: dict[str, dict[str, Any]] = {
    "qwen3": {"head_dim": 8},
    "gemma2": {
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "final_logit_softcapping": 2.0,
        "attn_logit_softcapping": 5.0,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "gemma3": {
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
}


class OneLayer(nn.Module):
    """A single linear layer, the smallest model that PEFT adapts."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


def tiny_model(
    kind: str = "llama", seed: int = 0, dtype: torch.dtype = torch.float32, **settings: Any
) -> PreTrainedModel:
    """Return a causal model with random weights, the same ones for the same arguments."""
    configuration, architecture = _ARCHITECTURES[kind]
    shape = {"hidden_size": HIDDEN, "intermediate_size": 24, "num_hidden_layers": 2, "vocab_size": VOCABULARY}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    tokens = {"pad_token_id": PADDING, "bos_token_id": None, "eos_token_id": None}
    torch.manual_seed(seed)
    given = {**shape, **heads, **tokens, "initializer_range": 0.2, **_OWN_SETTINGS.get(kind, {}), **settings}
    return architecture(configuration(**given)).to(dtype)


def lora(rank: int = 8, **settings: Any) -> LoraConfig:
    """Return LoRA's settings for every linear layer of a causal model."""
    return LoraConfig(
        **{"r": rank, "lora_alpha": 16, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **settings}
    )


def config(experts: int = 4, **settings: Any) -> InstanceWiseConfig:
    """Return a gate's settings that go together."""
    width = {"constant": 1, "token_collapsed": HIDDEN}.get(settings.get("gate_input", ""), WIDTH)
    active = min(2, experts) if settings.get("gate") == "top_k" else None
    return InstanceWiseConfig(**{"experts": experts, "width": width, "active_experts": active, **settings})


def instance_wise(
    base: nn.Module, gate: InstanceWiseConfig, lora_config: LoraConfig | None = None, seed: int = 1
) -> PeftModel:
    """Return an instance-wise model in evaluation mode, with adapter and gate far from their initial weights."""
    torch.manual_seed(seed)
    model = get_instance_wise_model(base, lora_config or lora(), gate)
    randomise(model)
    for parameter in model.gate.parameters():
        nn.init.normal_(parameter, std=0.8)
    return model.eval()


def plain_lora(base: nn.Module, lora_config: LoraConfig | None = None, seed: int = 1) -> PeftModel:
    """Return PEFT's own LoRA with the weights that `instance_wise` draws for the same seed."""
    torch.manual_seed(seed)
    model = get_peft_model(base, lora_config or lora())
    randomise(model)
    assert isinstance(model, PeftModel)
    return model.eval()


@torch.no_grad()
def randomise(model: nn.Module) -> None:
    """Draw B, which is initially zero, from its own generator, independently of all other draws."""
    generator = torch.Generator().manual_seed(7)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


def update_of_one_sequence(layer: Any, omega: torch.Tensor, per_expert_rank: bool) -> torch.Tensor:
    """Compute s * sum_k omega_k B_k A_k, (d_out, d_in), expert by expert.

    Args:
        layer: PEFT's LoRA layer.
        omega: float (K,).
        per_expert_rank: whether s is alpha / (r/K), or alpha / r.
    """
    down, up = layer.lora_A["default"].weight.to(omega), layer.lora_B["default"].weight.to(omega)
    rank, experts = len(down), len(omega)
    size = rank // experts
    total = torch.zeros(len(up), down.shape[1], dtype=omega.dtype)
    for expert in range(experts):
        rows = slice(expert * size, (expert + 1) * size)
        total += omega[expert] * up[:, rows] @ down[rows]
    return layer.lora_alpha["default"] / (size if per_expert_rank else rank) * total


@torch.no_grad()
def logits_of_one_sequence(
    model: PeftModel, base: PreTrainedModel, omega: torch.Tensor, input_ids: torch.Tensor
) -> torch.Tensor:
    """Run one unpadded sequence through ``base`` (an unchanged copy) with its own update added to the weights.

    Args:
        model: model with the adapter.
        base: the same model before it was adapted; left unchanged.
        omega: float (K,).
        input_ids: int64 (tokens,).

    Returns:
        (tokens, vocabulary).
    """
    layers = lora_layers(model.get_base_model(), "default")
    modules: dict[str, Any] = {name: base.get_submodule(name) for name in layers}
    originals = {name: module.weight.data for name, module in modules.items()}
    for name, layer in layers.items():
        update = update_of_one_sequence(layer, omega, model.gate_config.scale == "per_expert_rank")
        modules[name].weight.data = originals[name] + (update.T if layer.fan_in_fan_out else update)
    logits: torch.Tensor = base(input_ids=input_ids[None]).logits[0]
    for name, weight in originals.items():
        modules[name].weight.data = weight
    return logits


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest deviation relative to the largest value."""
    return float((found - expected).detach().abs().max() / expected.detach().abs().max())


def padded(sequences: list[torch.Tensor], side: str) -> dict[str, torch.Tensor]:
    """Return ``input_ids``, ``attention_mask`` and ``position_ids``, int64 (sequences, longest), padded on one side.

    Positions count from a sequence's first token: rotary embeddings, which transformers computes in float32, are
    then the same with and without padding.
    """
    longest = max(len(sequence) for sequence in sequences)
    input_ids = torch.full((len(sequences), longest), PADDING)
    mask = torch.zeros_like(input_ids)
    for row, sequence in enumerate(sequences):
        place = slice(longest - len(sequence), None) if side == "left" else slice(len(sequence))
        input_ids[row, place], mask[row, place] = sequence, 1
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    return {"input_ids": input_ids, "attention_mask": mask, "position_ids": positions}


def random_sequences(lengths: list[int], seed: int = 0) -> list[torch.Tensor]:
    """Return token ids without padding, int64 (length,) each."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(1, VOCABULARY, (length,), generator=generator) for length in lengths]


def representations(rows: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return z, float (rows, WIDTH)."""
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@torch.no_grad()
def answer(model: PeftModel) -> torch.Tensor:
    """Return an instance-wise model's logits for two sequences of different lengths, float (2, 5, vocabulary)."""
    batch = padded(random_sequences([5, 3]), "left")
    z = representations(2) if model.gate_config.gate_input == "sequence_representation" else None
    logits: torch.Tensor = model(**batch, sequence_representations=z).logits
    return logits
