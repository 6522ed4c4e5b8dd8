"""The gates of a model's adapters, opened for the current batch."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import torch
from torch import nn

from ilora.adapters.checkpointing import Contexts, contexts_of
from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.constant_gates import factors_of_constant_gate
from ilora.adapters.expert_weights import ExpertWeights
from ilora.adapters.gate import Gate
from ilora.adapters.gate_inputs import constant_gate_inputs
from ilora.adapters.load import LoadMeter


class OpenGates:
    """The gates of all adapters and the expert weights that they set for their layers.

    Args:
        gates: gates by adapter name; the model's own module, which holds their parameters.

    Attributes:
        loads: load of each adapter's experts in training, for the log.
        expert_weights: expert weights that each adapter's layers read.
    """

    def __init__(self, gates: nn.ModuleDict) -> None:
        self._gates = gates
        self.loads: dict[str, LoadMeter] = {}
        self.expert_weights: dict[str, ExpertWeights] = {}

    def add(self, adapter_name: str, gate: Gate, weights: ExpertWeights) -> None:
        """Add an adapter's gate and expert weights."""
        self.expert_weights[adapter_name], self.loads[adapter_name] = weights, LoadMeter()
        self._gates[adapter_name] = gate

    def remove(self, adapter_name: str) -> None:
        """Remove an adapter."""
        del self._gates[adapter_name], self.loads[adapter_name], self.expert_weights[adapter_name]

    @contextmanager
    def opened(self, adapter_name: str, gate_inputs: torch.Tensor) -> Iterator[None]:
        """Use an adapter's gates of these rows, float (rows, width), in this thread within the context."""
        omega, weights = self._omega(adapter_name, gate_inputs), self.expert_weights[adapter_name]
        with weights.restored(weights.current):
            weights.set(omega)
            yield

    @contextmanager
    def all_opened(self, adapter_names: Iterable[str], gate_inputs: torch.Tensor) -> Iterator[None]:
        """Open the gates of several adapters that read the same rows."""
        with ExitStack() as stack:
            for name in adapter_names:
                stack.enter_context(self.opened(name, gate_inputs))
            yield

    @contextmanager
    def opened_for_all(self, adapter_name: str) -> Iterator[None]:
        """Use the weights of a constant gate for every row, in this thread within the context."""
        weights = self.expert_weights[adapter_name]
        omega = self._omega(adapter_name, constant_gate_inputs(1, _device_of(self._gates[adapter_name])))
        with weights.restored(weights.current):
            weights.set_for_all(omega[0])
            yield

    def checkpoint_contexts(self) -> Contexts:
        """Return contexts for `torch.utils.checkpoint` in which recomputation uses the current expert weights."""
        return contexts_of(self.expert_weights.values())

    def constant_factors(self, adapter_name: str, settings: InstanceWiseConfig) -> torch.Tensor:
        """Return the factors of the experts, equal for all sequences, float (K,); see `factors_of_constant_gate`."""
        gate = cast(Gate, self._gates[adapter_name])
        return factors_of_constant_gate(gate, settings, self.expert_weights[adapter_name].multiplier)

    def _omega(self, adapter_name: str, gate_inputs: torch.Tensor) -> torch.Tensor:
        # The gate refuses anything but a tensor. An array of NumPy 2 also has a `device`, a string.
        device = gate_inputs.device if isinstance(gate_inputs, torch.Tensor) else torch.device("cpu")
        with torch.autocast(device.type, enabled=False):
            omega: torch.Tensor = self._gates[adapter_name](gate_inputs)
        if self._gates[adapter_name].training:
            self.loads[adapter_name].observe(omega)
        return omega


def _device_of(gate: nn.Module) -> torch.device:
    return gate.get_buffer("standardisation.mean").device
