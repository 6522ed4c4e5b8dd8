"""Frozen weights sharded over the processes of a training (FSDP): each holds a shard and gathers the rest.

Trainable weights stay whole on every process, and DDP averages their gradients, so that adapters, checkpoints and
snapshots are written and read as without sharding.
"""

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.processes import process_count


def shard_frozen_weights(model: HybridLanguageModel, device: torch.device) -> None:
    """Shard the frozen weights of every decoder layer over the processes, and move everything else to the device.

    Embeddings, the last norm and the output layer stay whole, because they are used outside the layers.

    Args:
        model: model with its adapter, on the CPU or on the device.
        device: device of this process.

    Raises:
        ValueError: if the backbone's decoder has no list of layers.
    """
    mesh = init_device_mesh(device.type, (process_count(),))
    trained = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for layer in decoder_layers(model):
        # Reshard each layer after its forward pass too; by default, only layers within another sharded module do.
        fully_shard(layer, mesh=mesh, ignored_params=trained, reshard_after_forward=True)
    model.to(device)
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, frozen)


def is_sharded(model: nn.Module) -> bool:
    """Return whether the weights of a model are sharded over the processes."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def averaging_gradients(model: nn.Module) -> DistributedDataParallel:
    """Wrap a sharded model so that the gradients of trainable weights are averaged; accelerate refuses it on GPUs."""
    return DistributedDataParallel(model, find_unused_parameters=True)


def decoder_layers(model: HybridLanguageModel) -> nn.ModuleList:
    """Return the layers whose weights can be sharded.

    Raises:
        ValueError: if the backbone's decoder has no list of layers.
    """
    layers = getattr(model.causal_model.get_decoder(), "layers", None)
    if not isinstance(layers, nn.ModuleList):
        raise ValueError(
            f"{type(model.causal_model).__name__}: its decoder has no list named layers, so its weights cannot be "
            "sharded; set backbone.sharded to false"
        )
    return layers
