"""A description of the base model that an adapter was trained on, to recognise it when the adapter is loaded."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ilora.adapters.gating import lora_layers

_SAMPLED_LAYERS, _SAMPLED_VALUES = 16, 8
_SAMPLE_TOLERANCE = 0.02  # a base model in half precision is still the same one


def describe(model: nn.Module, adapter_name: str) -> dict[str, Any]:
    """Return the type of a model with LoRA layers, and sampled values of its input embedding and adapted layers.

    Values are read at fixed positions, and only where they are available: not from quantized or sharded weights, nor
    from the meta device. Only the first half of the embedding is sampled, because rows of new tokens are at the end and
    are initialised at random.
    """
    layers = {name: layer for name, layer in lora_layers(model, adapter_name).items() if not layer.merged}
    names = list(layers)
    chosen = {names[place] for place in _spread(len(names), _SAMPLED_LAYERS)}
    embedding = _input_embedding(model)
    weight = getattr(embedding, "weight", None)
    values = None if weight is None else weight.numel() // 2
    return {
        "model_type": _kind(model),
        "input_embedding": _sample(embedding, values),
        "input_embedding_values": values,
        "layers": {name: _sample(layers[name].get_base_layer(), None) for name in sorted(chosen)},
    }


def check(described: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse a model that is not the one described.

    Args:
        described: description returned by `describe`.
        model: model with LoRA layers.

    Raises:
        ValueError: if its type, its layers or its weights differ (by more than rounding to half precision).
    """
    if described["model_type"] != _kind(model):
        raise ValueError(f"the adapter was made for a {described['model_type']} model, found a {_kind(model)} model")
    modules: dict[str, Any] = dict(model.named_modules())
    values = described.get("input_embedding_values")
    places = {"the input embedding": (described["input_embedding"], _input_embedding(model), values)}
    places |= {name: (sample, _base_layer(modules.get(name)), None) for name, sample in described["layers"].items()}
    for name, (expected, module, size) in places.items():
        if expected is not None and not _agrees(expected, module, size):
            raise ValueError(
                f"the adapter was made for another base model: {name} differs. Load the base model (and revision) that "
                "it was trained on."
            )


def _kind(model: Any) -> str:
    return getattr(getattr(model, "config", None), "model_type", type(model).__name__)


def _input_embedding(model: Any) -> nn.Module | None:
    embedding = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    # When the embedding is trained, PEFT keeps the base model's own as `original_module`.
    return _base_layer(getattr(embedding, "original_module", embedding))


def _base_layer(module: Any) -> Any:
    return module.get_base_layer() if hasattr(module, "get_base_layer") else module


def _sample(module: Any, size: int | None) -> list[float] | None:
    """Sample the first ``size`` weights of a layer (None: all); return None if they cannot be read directly."""
    weight = getattr(module, "weight", None)
    if type(weight) is not nn.Parameter or weight.is_meta or not weight.is_floating_point() or not weight.numel():
        return None
    places = torch.tensor(_spread(min(size or weight.numel(), weight.numel()), _SAMPLED_VALUES), device=weight.device)
    return weight.detach().flatten()[places].double().cpu().tolist()


def _agrees(expected: list[float], module: nn.Module | None, size: int | None) -> bool:
    found = _sample(module, size)
    if found is None:
        return module is not None
    return len(found) == len(expected) and torch.allclose(
        torch.tensor(found), torch.tensor(expected), rtol=_SAMPLE_TOLERANCE, atol=1e-6
    )


def _spread(size: int, count: int) -> list[int]:
    """Return at most ``count`` numbers from 0 to ``size`` - 1, evenly spread."""
    count = min(size, count)
    return [(2 * place + 1) * size // (2 * count) for place in range(count)]
