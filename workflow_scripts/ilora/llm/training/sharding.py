"""Frozen weights divided among the processes of a training (FSDP): each holds a share and borrows the rest.

What is trained stays whole on every process, where DDP averages its gradients; so adapters, checkpoints and snapshots
are written and read as without sharding.
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
    """Divide the frozen weights of every decoder layer among the processes, and put all else on the device.

    Embeddings, the last norm and the output layer stay whole: they are read outside of the layers.

    Args:
        model: with its adapter, on the CPU or on the device.
        device: of this process.

    Raises:
        ValueError: if the backbone's decoder has no list of layers.
    """
    mesh = init_device_mesh(device.type, (process_count(),))
    trained = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for layer in decoder_layers(model):
        # Each layer is given back after its forward pass too, as only those inside of another sharded module are.
        fully_shard(layer, mesh=mesh, ignored_params=trained, reshard_after_forward=True)
    model.to(device)
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, frozen)


def is_sharded(model: nn.Module) -> bool:
    """Whether the weights of a model are divided among the processes."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def averaging_gradients(model: nn.Module) -> DistributedDataParallel:
    """Wrap a sharded model so that the gradients of what is trained are averaged, which accelerate refuses on GPUs."""
    return DistributedDataParallel(model, find_unused_parameters=True)


def decoder_layers(model: HybridLanguageModel) -> nn.ModuleList:
    """Give the layers whose weights can be divided.

    Raises:
        ValueError: if the backbone's decoder has no list of layers.
    """
    layers = getattr(model.causal_model.get_decoder(), "layers", None)
    if not isinstance(layers, nn.ModuleList):
        raise ValueError(
            f"{type(model.causal_model).__name__}: its decoder has no list named layers, so its weights cannot be "
            "divided; set backbone.sharded to false"
        )
    return layers
