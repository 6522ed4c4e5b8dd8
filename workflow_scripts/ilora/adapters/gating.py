"""Instance-wise LoRA (Eq. 12) on the LoRA layers of PEFT.

With B = [B_1..B_K], A = [A_1..A_K] and r* = r/K, the update of one sequence is dW = sum_k omega_k B_k A_k, and so

    dW x = B (omega_expanded * (A x)),   omega_expanded repeats each omega_k r* times.

It is therefore enough to scale the rank-r activation: the weights keep the shapes of ordinary LoRA, and no full-width
output per expert is computed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora.layer import Linear, LoraLayer, LoraVariant
from torch import nn

from ilora.adapters.expert_weights import ExpertWeights

#: Model types known to compute with (tokens, rows, width), and layers known to get all tokens of a batch flattened into
#: one dimension.
_SEQUENCE_LAST = ("fsmt", "led", "longformer", "xlnet")
_FLATTENED = {"opt": ("fc1", "fc2")}

MergeableFactors = Callable[[], torch.Tensor]
"""Returns the factors of a constant gate, float (K,), or raises RuntimeError if they differ between sequences."""


class InstanceWiseVariant(LoraVariant):
    """PEFT's extension point for LoRA layers, used to gate the rank-r activation.

    Args:
        layer: name of the layer, for error messages.
        expert_weights: expert weights of the current batch.
        mergeable_factors: called when PEFT merges the layer.
    """

    def __init__(self, layer: str, expert_weights: ExpertWeights, mergeable_factors: MergeableFactors) -> None:
        self._layer = layer
        self._expert_weights = expert_weights
        self._mergeable_factors = mergeable_factors

    def forward(  # type: ignore[override]  # PEFT declares these static; its layers call an instance
        self, module: Any, active_adapter: str, x: torch.Tensor, result: torch.Tensor, **_: Any
    ) -> torch.Tensor:
        """Return ``result + s * B(omega_expanded * A(dropout(x)))``, float (rows, tokens, d_out)."""
        gated = self.gated(module, active_adapter, x)
        return result + module.lora_B[active_adapter](gated) * module.scaling[active_adapter]

    def gated(self, module: Any, adapter_name: str, x: torch.Tensor) -> torch.Tensor:
        """Return ``omega_expanded * A(dropout(x))``, float (rows, tokens, r)."""
        activation: torch.Tensor = module.lora_A[adapter_name](module.lora_dropout[adapter_name](x))
        return activation * self._expert_weights.factors_for(activation, self._layer)

    def supports_lora_conversion(self) -> bool:
        """Return False: PEFT's conversion would read B A without the gate. Use `export_plain_lora` instead."""
        return False

    @staticmethod
    def init(module: LoraLayer, adapter_name: str, **_: Any) -> None:
        """Do nothing: the weights are those of ordinary LoRA."""

    def merge_safe(self, module: Any, active_adapter: str, orig_weight: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the weight with the update of a constant gate added.

        Raises:
            RuntimeError: if the gate is not constant.
        """
        return orig_weight + self._update(module, active_adapter).to(orig_weight)

    def merge_unsafe(self, module: Any, active_adapter: str, orig_weight: torch.Tensor) -> None:  # type: ignore[override]
        """Add the update of a constant gate to the weight in place."""
        orig_weight.data += self._update(module, active_adapter).to(orig_weight)

    def unmerge(self, module: Any, active_adapter: str, orig_weight: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the weight without the update that was merged into it."""
        return orig_weight.data - self._update(module, active_adapter).to(orig_weight)

    def _update(self, module: Any, adapter_name: str) -> torch.Tensor:
        with folded([module], adapter_name, self._mergeable_factors()):
            return module.get_delta_weight(adapter_name)


def gate_lora_layers(
    model: nn.Module,
    expert_weights: ExpertWeights,
    mergeable_factors: MergeableFactors,
    adapter_name: str = "default",
) -> int:
    """Make every LoRA layer of ``adapter_name`` instance-wise and return their number.

    Raises:
        ValueError: if the model has no such layer, the rank of a layer is not a multiple of the number of experts, or
            a layer is of a type that cannot be gated. The model is then unchanged.
    """
    layers = lora_layers(model, adapter_name)
    if not layers:
        raise ValueError(f"the model has no LoRA layer of an adapter named {adapter_name!r}")
    for name, layer in layers.items():
        _check(name, layer, adapter_name, expert_weights.experts)
    for name, layer in layers.items():
        layer.lora_variant[adapter_name] = InstanceWiseVariant(name, expert_weights, mergeable_factors)
        expert_weights.ranks.add(layer.r[adapter_name])
    return len(layers)


def lora_layers(model: nn.Module, adapter_name: str) -> dict[str, Any]:
    """Return the LoRA layers of an adapter by name, in the model's order."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, LoraLayer) and adapter_name in module.r
    }


def check_keeps_sequences_apart(model: nn.Module, names: Iterable[str]) -> None:
    """Refuse layers whose activations are known not to be a batch of sequences; a forward pass might not reveal it.

    Raises:
        ValueError: for the first such layer.
    """
    kind = getattr(getattr(model, "config", None), "model_type", None)
    for name in names:
        if kind in _SEQUENCE_LAST:
            raise ValueError(f"{name}: a {kind} model computes with (tokens, rows, width), which cannot be gated")
        if name.rpartition(".")[2] in _FLATTENED.get(str(kind), ()):
            raise ValueError(
                f"{name}: a {kind} model gives this layer all tokens of a batch in one dimension, which cannot be "
                "gated; leave it out of target_modules"
            )


@contextmanager
def folded(layers: Sequence[Any], adapter_name: str, factors: torch.Tensor) -> Iterator[None]:
    """Multiply the rows of A of each layer by the factors within the context, so that B A is the whole gated update.

    Args:
        layers: gated LoRA layers.
        adapter_name: name of their adapter.
        factors: omega times the multiplier of the scale, float (K,).
    """
    weights = [layer.lora_A[adapter_name].weight for layer in layers]
    originals = [weight.data for weight in weights]
    try:
        for weight in weights:
            rows = factors.to(weight).repeat_interleave(weight.shape[0] // len(factors))
            weight.data = weight.data * rows[:, None]
        yield
    finally:
        for weight, original in zip(weights, originals, strict=True):
            weight.data = original


def _check(name: str, layer: Any, adapter_name: str, experts: int) -> None:
    # The exact type: a subclass (PEFT has one for torchao) merges without calling the variant.
    if not (type(layer) is Linear or type(layer).__name__ in ("Linear8bitLt", "Linear4bit")):
        raise ValueError(
            f"{name}: PEFT adapts it as {type(layer).__name__}, which cannot be gated; expected a linear layer, plain "
            "or quantized by bitsandbytes. Leave it out of target_modules."
        )
    if layer.r[adapter_name] % experts:
        raise ValueError(
            f"{name}: found rank {layer.r[adapter_name]}, expected a multiple of the {experts} experts, each of which "
            "has rank r/K"
        )
    if adapter_name in layer.lora_variant:
        variant = type(layer.lora_variant[adapter_name]).__name__
        raise ValueError(f"{name}: already uses PEFT's {variant}, which cannot be combined with a gate")
    if layer.lora_bias[adapter_name]:
        raise ValueError(f"{name}: found lora_bias=True, expected False: a bias would escape the gate")
