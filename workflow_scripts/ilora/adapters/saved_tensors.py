"""The tensors of an adapter between the names that the model has for them and those that they are saved by."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ilora.adapters import storage
from ilora.adapters.gate import Gate

_SAVED_GATE = "base_model.gate."


def name_of_gate_tensor(key: str, adapter_name: str) -> str | None:
    """Give the name by which a tensor of an adapter's gate is saved, None if ``key`` names another tensor."""
    owner, found, rest = key.partition(f"gates.{adapter_name}.")
    return f"{owner}gate.{rest}" if found and owner in ("", "base_model.") else None


def of_earlier_version(
    state_dict: Mapping[str, torch.Tensor], earlier_gate: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Give the tensors of a folder of an earlier version, and those of its gate, by the names of today."""
    gate_weights = {f"{_SAVED_GATE}{name}": tensor for name, tensor in earlier_gate.items()}
    return {storage.saved_name(name): tensor for name, tensor in state_dict.items()} | gate_weights


def hold_a_gate(state_dict: Mapping[str, torch.Tensor]) -> bool:
    """Whether saved tensors are those of a whole adapter, which an earlier version kept in two files."""
    return any(name.startswith(_SAVED_GATE) for name in state_dict)


def fitted_to_gate(
    state_dict: dict[str, torch.Tensor], gate: Gate, adapter_name: str, device: torch.device
) -> dict[str, torch.Tensor]:
    """Give tensors by the model's names, those of the gate on ``device``, after giving it their dtype.

    Whatever the gate was trained in, it is computed in.
    """
    weights = {name: tensor for name, tensor in state_dict.items() if f"gates.{adapter_name}." in name}
    gate.to(dtype=next(tensor.dtype for tensor in weights.values() if tensor.is_floating_point()))
    return state_dict | {name: tensor.to(device) for name, tensor in weights.items()}


def gate_of(model: nn.Module, tuner: type, adapter_name: str) -> Gate:
    """Find the gate of an adapter in a model that has a tuner of this class inside."""
    found: Any = next(module for module in model.modules() if isinstance(module, tuner))
    gate: Gate = found.gates[adapter_name]
    return gate
