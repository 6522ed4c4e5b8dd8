"""Memory of the frozen weights in fine-tuning: unquantized, quantized, or sharded over processes."""

import torch
from torch import nn

from ilora.configuration.sections.backbone import Quantization
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.sharding import decoder_layers

#: Weights that share a scale in bitsandbytes' 4-bit format, and scales that share a second-level scale.
_NF4_BLOCK, _NF4_SCALE_BLOCK = 64, 256


def frozen_bytes(model: HybridLanguageModel, quantization: Quantization | None) -> int:
    """Return the bytes of the frozen weights, with linear layers stored as bitsandbytes would quantize them.

    Args:
        model: model with an adapter; a tensor that two modules share is counted once.
        quantization: quantization of the linear layers, except the output layer.
    """
    heads = {id(parameter) for parameter in model.causal_model.get_output_embeddings().parameters()}
    quantized = {
        id(module.weight)
        for module in model.modules()
        if isinstance(module, nn.Linear) and not module.weight.requires_grad and id(module.weight) not in heads
    }
    return sum(
        _stored_bytes(parameter, quantization if id(parameter) in quantized else None) for parameter in _frozen(model)
    )


def bytes_of_share(model: HybridLanguageModel, processes: int) -> int:
    """Return the peak bytes of frozen weights on a process: its shard, and one gathered layer.

    Args:
        model: model with an adapter; see `ilora.llm.training.sharding.shard_frozen_weights`.
        processes: number of processes that share the weights of the layers.

    Raises:
        ValueError: see `ilora.llm.training.sharding.decoder_layers`.
    """
    of_layers = [sum(_stored_bytes(weight, None) for weight in _frozen(layer)) for layer in decoder_layers(model)]
    return frozen_bytes(model, None) - sum(of_layers) + sum(of_layers) // processes + max(of_layers)


def _frozen(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if not parameter.requires_grad]


def _stored_bytes(parameter: torch.Tensor, quantization: Quantization | None) -> int:
    count = parameter.numel()
    if quantization == "nf4":
        scales = count // _NF4_BLOCK
        return count // 2 + scales + 4 * (scales // _NF4_SCALE_BLOCK)
    if quantization == "int8":
        return count + 4 * parameter.shape[0]
    return count * parameter.element_size()
