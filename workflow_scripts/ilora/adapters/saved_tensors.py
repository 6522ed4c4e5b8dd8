"""Mapping between the model's names of an adapter's tensors and their saved names."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ilora.adapters import storage
from ilora.adapters.gate import Gate

_SAVED_GATE = "base_model.gate."


def name_of_gate_tensor(key: str, adapter_name: str) -> str | None:
    """Return the saved name of a tensor of an adapter's gate, or None if ``key`` is not a tensor of the gate."""
    owner, found, rest = key.partition(f"gates.{adapter_name}.")
    return f"{owner}gate.{rest}" if found and owner in ("", "base_model.") else None


def of_earlier_version(
    state_dict: Mapping[str, torch.Tensor], earlier_gate: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the tensors and the gate of an earlier version's folder under their current names."""
    gate_weights = {f"{_SAVED_GATE}{name}": tensor for name, tensor in earlier_gate.items()}
    return {storage.saved_name(name): tensor for name, tensor in state_dict.items()} | gate_weights


def hold_a_gate(state_dict: Mapping[str, torch.Tensor]) -> bool:
    """Return whether saved tensors include a gate, which earlier versions kept in a separate file."""
    return any(name.startswith(_SAVED_GATE) for name in state_dict)


def fitted_to_gate(
    state_dict: dict[str, torch.Tensor], gate: Gate, adapter_name: str, device: torch.device
) -> dict[str, torch.Tensor]:
    """Return tensors by the model's names, those of the gate moved to ``device``, and cast the gate to their dtype.

    The gate is thus computed in the precision that it was trained in.
    """
    weights = {name: tensor for name, tensor in state_dict.items() if f"gates.{adapter_name}." in name}
    gate.to(dtype=next(tensor.dtype for tensor in weights.values() if tensor.is_floating_point()))
    return state_dict | {name: tensor.to(device) for name, tensor in weights.items()}


def gate_of(model: nn.Module, tuner: type, adapter_name: str) -> Gate:
    """Return the gate of an adapter in a model that contains a tuner of this class."""
    found: Any = next(module for module in model.modules() if isinstance(module, tuner))
    gate: Gate = found.gates[adapter_name]
    return gate
