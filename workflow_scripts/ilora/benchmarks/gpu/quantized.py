"""Quantization of a model in memory: linear layers in 4 or 8 bits by bitsandbytes."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ilora.configuration.sections.backbone import Quantization


def why_not_quantized() -> str | None:
    """Return why quantization is unavailable; None if it is available."""
    return None if find_spec("bitsandbytes") else "bitsandbytes is not installed"


def quantize(model: PreTrainedModel, quantization: Quantization, compute: torch.dtype) -> PreTrainedModel:
    """Replace every linear layer except the output layer, one by one, so that the model is never held twice in memory.

    The settings are those that `ilora.llm.model.backbones` passes to transformers, which can only quantize models from
    files.

    Args:
        model: model that is changed in place, on the device that quantizes it.
        quantization: "nf4" (with double quantization) or "int8".
        compute: dtype of products with 4-bit weights.
    """
    head = model.get_output_embeddings()
    layers = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head
    }
    for name, layer in layers.items():
        parent, _, own_name = name.rpartition(".")
        setattr(model.get_submodule(parent), own_name, _quantized(layer, quantization, compute))
    # PEFT reads these attributes to choose its layer types.
    setattr(model, "is_loaded_in_4bit" if quantization == "nf4" else "is_loaded_in_8bit", True)
    return model


def _quantized(layer: nn.Linear, quantization: Quantization, compute: torch.dtype) -> nn.Module:
    bitsandbytes: Any = import_module("bitsandbytes")
    weight, shape = layer.weight, (layer.in_features, layer.out_features)
    made: Any
    if quantization == "nf4":
        made = bitsandbytes.nn.Linear4bit(
            *shape, bias=False, compute_dtype=compute, compress_statistics=True, quant_type="nf4", device="meta"
        )
        made.weight = bitsandbytes.nn.Params4bit(
            weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True, module=made
        ).to(weight.device)
    else:
        made = bitsandbytes.nn.Linear8bitLt(*shape, bias=False, has_fp16_weights=False, device="meta")
        # It only quantizes weights that are moved from the processor.
        made.weight = bitsandbytes.nn.Int8Params(weight.data.cpu(), requires_grad=False, has_fp16_weights=False).to(
            weight.device
        )
    if made.weight.element_size() != 1:
        raise RuntimeError(f"found weights of {made.weight.dtype}, expected bitsandbytes to quantize them")
    return made.requires_grad_(False)
