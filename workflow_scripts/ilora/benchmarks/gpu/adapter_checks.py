"""Checks of the adapter on this device against its definition, expert by expert in double precision."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import torch
from torch import nn

from ilora.adapters.gating import lora_layers
from ilora.benchmarks.adaptations import EXPERTS, GATE, RANK, instance_wise, lora, random_representations
from ilora.benchmarks.gpu.quantized import quantize, why_not_quantized
from ilora.benchmarks.gpu.report import Check, Measurement, NotRun
from ilora.benchmarks.per_expert import PerExpertLinear, PerExpertModel, copy_adapter, copy_experts
from ilora.benchmarks.update_step import GivenProduct
from ilora.benchmarks.workloads import Workload, random_inputs, random_llama, twin
from ilora.configuration.sections.backbone import Quantization

#: Small, since the reference is computed in double precision on the processor. Blocks of 4-bit weights have 64 entries.
SHAPE = Workload(batch=3, tokens=7, layers=2, hidden_size=128, intermediate_size=192, heads=4, vocabulary_size=96)

#: Tolerances for rounding errors, relative to the largest value.
ALLOWED = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}

_OF_LARGEST = "of the largest value"


def measure(device: torch.device) -> Iterator[Measurement]:
    """Check whole models in each precision, and single layers on quantized weights."""
    for dtype in ALLOWED:
        yield from whole_model(device, dtype)
    for quantization in get_args(Quantization):
        yield from quantized_layers(device, quantization)


def whole_model(device: torch.device, dtype: torch.dtype) -> Iterator[Check]:
    """Check logits and the gradient of the gate against the per-expert form in float64 on the processor.

    Both have the same weights, rounded to ``dtype``, so that only the computation differs.
    """
    base = random_llama(SHAPE, torch.device("cpu"), dtype)
    adapted = instance_wise(twin(base)).to(device)
    reference = PerExpertModel(random_llama(SHAPE, torch.device("cpu"), torch.float64), lora(), GATE).double()
    copy_weights(base, reference.base_model)
    copy_adapter(adapted, reference)
    inputs = random_inputs(SHAPE, torch.device("cpu"), dtype)
    found = _outcome(adapted, {**inputs, "inputs_embeds": inputs["inputs_embeds"].detach().to(device)}, device, dtype)
    wide = {**inputs, "inputs_embeds": inputs["inputs_embeds"].detach().double()}
    expected = _outcome(reference, wide, torch.device("cpu"), torch.float64)
    name = str(dtype).removeprefix("torch.")
    for what, deviating, right in zip(("logits", "gate's gradient"), found, expected, strict=True):
        yield Check(f"adapter in {name}: {what}", relative_error(deviating, right), ALLOWED[dtype], _OF_LARGEST)


def quantized_layers(device: torch.device, quantization: Quantization) -> Iterator[Measurement]:
    """Check the update that a layer adds to the output of its quantized weights, in float32 against float64."""
    name = f"adapter on {quantization}: what layers add"
    reason = why_not_quantized()
    if reason is not None:
        yield NotRun(name, reason)
        return
    base = random_llama(SHAPE, device, torch.float32).requires_grad_(False)
    adapted = instance_wise(quantize(base, quantization, torch.float32)).to(device)
    omega = adapted.gate(random_representations(SHAPE.batch, device)).detach()
    adapted.expert_weights.set(omega)
    drawn = torch.Generator().manual_seed(0)
    worst = 0.0
    for layer in lora_layers(adapted, "default").values():
        width = layer.get_base_layer().in_features
        x = torch.randn(SHAPE.batch, SHAPE.tokens, width, generator=drawn).to(device)
        with torch.no_grad():
            without, found = layer.get_base_layer()(x), layer(x)
            expected = _expert_by_expert(layer, x, without, omega)
        worst = max(worst, relative_error(found, expected))
    yield Check(name, worst, ALLOWED[torch.float32], _OF_LARGEST)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest deviation relative to the largest value."""
    wide = expected.detach().double().cpu()
    return float((found.detach().double().cpu() - wide).abs().max() / wide.abs().max())


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy a model's weights into the same model with adapted layers, whose frozen weights are in ``base_layer``."""
    state = source.state_dict()
    with torch.no_grad():
        for name, parameter in target.named_parameters():
            plain = name.replace(".base_layer", "")
            if plain in state:
                parameter.copy_(state[plain])


def _outcome(
    model: Any, inputs: Mapping[str, Any], device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits, and the gradient of the sum of their squares with respect to the gate's weights."""
    z = random_representations(SHAPE.batch, torch.device("cpu")).to(device)
    halved = dtype in (torch.bfloat16, torch.float16)
    with torch.autocast(device.type, dtype=dtype if halved else torch.bfloat16, enabled=halved):
        logits = model(**inputs, sequence_representations=z).logits
    logits.to(torch.promote_types(dtype, torch.float32)).square().sum().backward()
    gradient = model.gate.get_parameter("projection.weight").grad
    assert gradient is not None
    return logits, gradient


def _expert_by_expert(layer: Any, x: torch.Tensor, without: torch.Tensor, omega: torch.Tensor) -> torch.Tensor:
    """Return the output of the layer by its definition, given that of its frozen weights, float64 on the processor."""
    frozen, scaling = layer.get_base_layer(), layer.lora_alpha["default"] / RANK * EXPERTS
    reference = PerExpertLinear(nn.Linear(frozen.in_features, frozen.out_features), RANK, EXPERTS, scaling).double()
    copy_experts(layer, reference)
    reference.base_layer = GivenProduct(without.double().cpu())
    reference.omega = omega.double().cpu()
    return reference(x.double().cpu())
