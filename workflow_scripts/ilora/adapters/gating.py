"""Instance-wise LoRA (Eq. 12) on the LoRA layers of PEFT.

With B = [B_1..B_K], A = [A_1..A_K] and r* = r/K, the update of one sequence is dW = sum_k omega_k B_k A_k, and so

    dW x = B (omega_expanded * (A x)),   omega_expanded repeats each omega_k r* times.

Scaling the rank-r activation is therefore all it takes: the weights keep the shapes of ordinary LoRA, and no output
of full width per expert is ever made.
"""

from typing import Any, Literal

import torch
from peft.tuners.lora.layer import LoraLayer, LoraVariant
from torch import nn

Scale = Literal["per_expert_rank", "per_rank"]


class ExpertWeights:
    """The expert weights of the batch in flight, shared by every gated layer of one model.

    It stays set after the forward pass on purpose: gradient checkpointing recomputes layers during backward.

    Args:
        rank: r of the LoRA layers.
        experts: K.
        scale: ``per_expert_rank`` multiplies by alpha / (r/K), as the released code does, so that a uniform gate is
            plain LoRA at every K; ``per_rank`` by alpha / r, as the paper writes (Eq. 3).

    Raises:
        ValueError: if K < 1 or r is not divisible by K.
    """

    def __init__(self, rank: int, experts: int, scale: Scale) -> None:
        if experts < 1 or rank % experts:
            raise ValueError(f"the rank must be a positive multiple of the experts, found {rank} and {experts}")
        self.experts = experts
        self.rank_per_expert = rank // experts
        self.multiplier = float(experts) if scale == "per_expert_rank" else 1.0
        self._rank_scaling: torch.Tensor | None = None

    def set(self, omega: torch.Tensor) -> None:
        """Use omega, float (batch, K), until it is set again.

        Raises:
            ValueError: if omega is no matrix with K columns.
        """
        if omega.ndim != 2 or omega.shape[1] != self.experts:
            raise ValueError(f"expected expert weights of shape (batch, {self.experts}), found {tuple(omega.shape)}")
        self._rank_scaling = (omega * self.multiplier).repeat_interleave(self.rank_per_expert, dim=1)

    def scaling_for(self, activation: torch.Tensor) -> torch.Tensor:
        """Give the factors, shape (batch, 1, r), for a rank-r activation of shape (batch, tokens, r).

        Rows of several beams or return sequences of one prompt lie next to each other, as ``generate`` expands them.

        Raises:
            RuntimeError: if no expert weights were set, or those of another batch.
        """
        if self._rank_scaling is None:
            raise RuntimeError("no expert weights are set: run the model through its gate, not around it")
        copies, rest = divmod(activation.shape[0], self._rank_scaling.shape[0])
        if rest or copies < 1:
            raise RuntimeError(
                f"expert weights of {self._rank_scaling.shape[0]} sequences met a batch of {activation.shape[0]} rows"
            )
        factors = self._rank_scaling if copies == 1 else self._rank_scaling.repeat_interleave(copies, dim=0)
        return factors[:, None, :].to(activation.dtype)


class InstanceWiseVariant(LoraVariant):
    """PEFT's own extension point for a LoRA layer, used to gate its rank-r activation and to refuse merging."""

    def __init__(self, expert_weights: ExpertWeights) -> None:
        self.expert_weights = expert_weights

    def forward(  # type: ignore[override]  # PEFT declares it static; an instance is what its layers call
        self, module: Any, active_adapter: str, x: torch.Tensor, result: torch.Tensor, **_: Any
    ) -> torch.Tensor:
        """Give ``result + s * B(omega_expanded * A(dropout(x)))``, all of shape (batch, tokens, d_out)."""
        activation = module.lora_A[active_adapter](module.lora_dropout[active_adapter](x))
        gated = activation * self.expert_weights.scaling_for(activation)
        return result + module.lora_B[active_adapter](gated) * module.scaling[active_adapter]

    def supports_lora_conversion(self) -> bool:
        """No single LoRA equals an instance-wise one."""
        return False

    @staticmethod
    def init(module: LoraLayer, adapter_name: str) -> None:
        """Nothing to create: the weights are ordinary LoRA's."""

    @staticmethod
    def merge_safe(module: LoraLayer, active_adapter: str, orig_weight: torch.Tensor) -> torch.Tensor:
        """Refuse: the update depends on the sequence."""
        raise RuntimeError("an instance-wise LoRA has one update per sequence and cannot be merged into the weights")

    @staticmethod
    def merge_unsafe(module: LoraLayer, active_adapter: str, orig_weight: torch.Tensor) -> None:
        """Refuse: the update depends on the sequence."""
        InstanceWiseVariant.merge_safe(module, active_adapter, orig_weight)

    @staticmethod
    def unmerge(module: LoraLayer, active_adapter: str, orig_weight: torch.Tensor) -> torch.Tensor:
        """Refuse: it was never merged."""
        return InstanceWiseVariant.merge_safe(module, active_adapter, orig_weight)


def gate_lora_layers(model: nn.Module, expert_weights: ExpertWeights, adapter_name: str = "default") -> int:
    """Make every LoRA layer of ``adapter_name`` instance-wise and give how many there are.

    Raises:
        ValueError: if the model has no such layer, or a layer of another rank or with a variant of its own.
    """
    layers = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, LoraLayer) and adapter_name in module.lora_A
    ]
    if not layers:
        raise ValueError(f"the model has no LoRA layer of an adapter named {adapter_name!r}")
    rank = expert_weights.rank_per_expert * expert_weights.experts
    for name, layer in layers:
        if layer.r[adapter_name] != rank:
            raise ValueError(f"{name}: found rank {layer.r[adapter_name]}, expected {rank}")
        if adapter_name in layer.lora_variant:
            variant = type(layer.lora_variant[adapter_name]).__name__
            raise ValueError(f"{name}: already uses PEFT's {variant}, which cannot be combined with a gate")
        layer.lora_variant[adapter_name] = InstanceWiseVariant(expert_weights)
    return len(layers)
