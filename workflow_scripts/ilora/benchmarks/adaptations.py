"""The compared adaptations: each changes a model in place and adds the same total rank."""

import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, XLoraConfig, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from ilora.adapters import InstanceWiseConfig, get_instance_wise_model
from ilora.benchmarks.per_expert import PerExpertModel

RANK, ALPHA, EXPERTS, WIDTH = 8, 32, 4, 64
MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
GATE = InstanceWiseConfig(experts=EXPERTS, width=WIDTH)


def uniform(model: PreTrainedModel) -> PeftModel:
    """Add PEFT's own LoRA."""
    return get_peft_model(model, lora())


def instance_wise(model: PreTrainedModel) -> PeftModel:
    """Add this library's instance-wise LoRA."""
    return get_instance_wise_model(model, lora(), GATE)


def per_expert(model: PreTrainedModel) -> PerExpertModel:
    """Add the textbook form of instance-wise LoRA."""
    return PerExpertModel(model, lora(), GATE)


def x_lora(model: PreTrainedModel) -> nn.Module:
    """Add PEFT's X-LoRA: one trained adapter per expert, with the rank of an expert.

    A classifier on the model's hidden states computes their weights, which requires a second forward pass.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folders = {str(expert): str(Path(temporary, str(expert))) for expert in range(EXPERTS)}
        for folder in folders.values():
            expert = get_peft_model(model, lora(RANK // EXPERTS))
            expert.save_pretrained(folder, save_embedding_layers=False)
            expert.unload()
        config = XLoraConfig(
            task_type="CAUSAL_LM",
            hidden_size=model.config.hidden_size,
            adapters=folders,
            use_trainable_adapters=True,
        )
        return get_peft_model(model, config).train()


def random_representations(rows: int, device: torch.device) -> torch.Tensor:
    """Return random sequence representations, float32 (rows, 64)."""
    torch.manual_seed(2)
    return torch.randn(rows, WIDTH, device=device)


def lora(rank: int = RANK) -> LoraConfig:
    """Return the LoRA settings that all adaptations share; B is random, as after some training."""
    # No dropout: it costs every form the same and would mask differences.
    return LoraConfig(r=rank, lora_alpha=ALPHA, target_modules=list(MODULES), init_lora_weights=False)
