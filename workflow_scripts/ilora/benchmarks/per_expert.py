"""The textbook form of instance-wise LoRA, expert by expert: the reference for the library's form.

    W x + s * sum_k omega_k B_k (A_k x)

Each B_k (A_k x) has the layer's full width, and training stores it for the gradient of omega_k. The released code
computes the update in this way, with separate full-width multiplications by s and omega_k, which are merged here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from torch import nn

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.gate import build_gate
from ilora.adapters.gating import lora_layers


class PerExpertLinear(nn.Module):
    """A linear layer with K parallel experts of rank r/K.

    Args:
        base_layer: linear layer.
        rank: r, a multiple of K.
        experts: K.
        scaling: s.

    Attributes:
        omega: expert weights of the current batch, float (rows, K).
    """

    omega: torch.Tensor

    def __init__(self, base_layer: nn.Linear, rank: int, experts: int, scaling: float) -> None:
        super().__init__()
        width_in, width_out, rank_per_expert = base_layer.in_features, base_layer.out_features, rank // experts
        self.base_layer: nn.Module = base_layer
        device = base_layer.weight.device
        self.lora_A = nn.ModuleList(
            nn.Linear(width_in, rank_per_expert, bias=False, device=device) for _ in range(experts)
        )
        self.lora_B = nn.ModuleList(
            nn.Linear(rank_per_expert, width_out, bias=False, device=device) for _ in range(experts)
        )
        self.scaling = scaling

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the adapted output, (rows, tokens, width_out), for x of shape (rows, tokens, width_in)."""
        result = self.base_layer(x)
        weights = (self.omega * self.scaling).to(result.dtype)
        for expert, (lora_A, lora_B) in enumerate(zip(self.lora_A, self.lora_B, strict=True)):
            result = result + weights[:, expert, None, None] * lora_B(lora_A(x))
        return result


class PerExpertModel(nn.Module):
    """A model whose targeted linear layers are replaced by `PerExpertLinear`, with a gate.

    Args:
        base_model: model that is changed in place and frozen.
        lora: LoRA settings, of which only rank, alpha and target modules are used.
        config: configuration of the gate.
    """

    def __init__(self, base_model: nn.Module, lora: LoraConfig, config: InstanceWiseConfig) -> None:
        super().__init__()
        self.base_model = base_model.requires_grad_(False)
        self.gate = build_gate(config).to(next(base_model.parameters()).device)
        multiplier = config.experts if config.scale == "per_expert_rank" else 1
        scaling = lora.lora_alpha / lora.r * multiplier
        targets = {
            name: module
            for name, module in base_model.named_modules()
            if isinstance(module, nn.Linear) and name.rpartition(".")[2] in (lora.target_modules or ())
        }
        self.layers: list[PerExpertLinear] = []
        for name, module in targets.items():
            parent, _, own_name = name.rpartition(".")
            layer = PerExpertLinear(module, lora.r, config.experts, scaling)
            setattr(base_model.get_submodule(parent), own_name, layer)
            self.layers.append(layer)

    def forward(self, *, sequence_representations: torch.Tensor, **inputs: Any) -> Any:
        """Run the base model with the expert weights of z, float (rows, d)."""
        with self.gated(sequence_representations):
            return self.base_model(**inputs)

    @contextmanager
    def gated(self, sequence_representations: torch.Tensor) -> Iterator[None]:
        """Set the expert weights of z, float (rows, d), in every layer within this context."""
        with torch.autocast(sequence_representations.device.type, enabled=False):
            omega = self.gate(sequence_representations)
        for layer in self.layers:
            layer.omega = omega
        try:
            yield
        finally:
            for layer in self.layers:
                del layer.omega


def copy_adapter(adapted: PeftModel, reference: PerExpertModel) -> None:
    """Copy the adapter of an instance-wise model into a reference.

    Args:
        adapted: model with an adapter named "default" and the same settings.
        reference: model that is changed in place; its weights keep their dtype and device.
    """
    reference.gate.load_state_dict(adapted.gate.state_dict())
    for layer, parts in zip(lora_layers(adapted, "default").values(), reference.layers, strict=True):
        copy_experts(layer, parts)


@torch.no_grad()
def copy_experts(layer: Any, parts: PerExpertLinear) -> None:
    """Copy the experts of a LoRA layer, slices of A's rows and of B's columns, into a layer of the reference."""
    experts = len(parts.lora_A)
    rows = layer.lora_A["default"].weight.chunk(experts)
    columns = layer.lora_B["default"].weight.chunk(experts, dim=1)
    for lora_A, lora_B, down, up in zip(parts.lora_A, parts.lora_B, rows, columns, strict=True):
        lora_A.get_parameter("weight").copy_(down)
        lora_B.get_parameter("weight").copy_(up)
