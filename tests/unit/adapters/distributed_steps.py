"""One step of training by two processes, for `test_distributed`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from ilora.adapters.storage import write_adapter
from ilora.artifacts.tensors import write_tensors
from tiny_models import config, instance_wise, padded, random_sequences, representations, tiny_model

PROCESSES, ROWS, LEARNING_RATE = 2, 4, 0.1


def fresh_model() -> PeftModel:
    return instance_wise(tiny_model(), config(4)).train()


def batch(rows: slice = slice(None)) -> dict[str, torch.Tensor]:
    """Return some rows of a batch, all of the same length."""
    whole = padded(random_sequences([6] * ROWS), "left") | {"sequence_representations": representations(ROWS)}
    whole["labels"] = whole["input_ids"]
    return {name: tensor[rows] for name, tensor in whole.items()}


def step(model: nn.Module, rows: slice = slice(None)) -> torch.Tensor:
    """Take one step and return the loss before it."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=LEARNING_RATE)
    loss: torch.Tensor = model(**batch(rows)).loss
    loss.backward()
    optimizer.step()
    return loss.detach()


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the trained parameters by name, whole on every process."""
    return {
        name: parameter.full_tensor() if isinstance(parameter, DTensor) else parameter.detach().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def data_parallel(rows: slice, folder: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Train with DistributedDataParallel, and return gradients in place of parameters."""
    model = DistributedDataParallel(fresh_model())
    loss = step(model, rows)
    gradients = {name: p.grad for name, p in model.module.named_parameters() if p.grad is not None}
    return loss, gradients


def sharded(rows: slice, folder: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Train with every parameter sharded over the processes (fully_shard), and save the adapter."""
    model = fresh_model()
    mesh = init_device_mesh("cpu", (PROCESSES,))
    for module in model.modules():
        if isinstance(module, LlamaDecoderLayer):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    loss = step(model, rows)
    write_adapter(model, folder / "adapter")
    return loss, trained_state(model)


def sharded_in_one_piece(rows: slice, folder: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Train with flattened parameters (FullyShardedDataParallel), which cannot be saved."""
    model: Any = FullyShardedDataParallel(
        fresh_model(),
        auto_wrap_policy=ModuleWrapPolicy({LlamaDecoderLayer}),
        use_orig_params=True,
        device_id=torch.device("cpu"),
    )
    loss = step(model, rows)
    with pytest.raises(RuntimeError, match="found LoRA layers without their weights"):
        model.module.save_pretrained(folder / "refused")
    with FullyShardedDataParallel.summon_full_params(model):
        return loss, {name.replace("_fsdp_wrapped_module.", ""): t for name, t in trained_state(model).items()}


WAYS = {"data_parallel": data_parallel, "sharded": sharded, "sharded_in_one_piece": sharded_in_one_piece}


def run(rank: int, folder: str) -> None:
    """Take each kind of step on this process's half of the batch and write the results."""
    torch.set_num_threads(1)
    rendezvous = f"file://{folder}/rendezvous"
    distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=PROCESSES)
    half = slice(rank * ROWS // PROCESSES, (rank + 1) * ROWS // PROCESSES)
    for name, way in WAYS.items():
        loss, state = way(half, Path(folder))
        write_tensors({"loss": loss, **state}, Path(folder, f"{name}-{rank}.safetensors"))
    distributed.destroy_process_group()
