"""The gates of a model's adapters, opened for the batch in flight."""

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
    """What each adapter's layers read, written there by its gate.

    Args:
        gates: by the name of the adapter; the model's own, which holds their parameters.

    Attributes:
        loads: by the same, the weights that passed in training, for the log.
        expert_weights: by the same, what the layers read.
    """

    def __init__(self, gates: nn.ModuleDict) -> None:
        self._gates = gates
        self.loads: dict[str, LoadMeter] = {}
        self.expert_weights: dict[str, ExpertWeights] = {}

    def add(self, adapter_name: str, gate: Gate, weights: ExpertWeights) -> None:
        """Take in an adapter's gate, and what its layers read."""
        self.expert_weights[adapter_name], self.loads[adapter_name] = weights, LoadMeter()
        self._gates[adapter_name] = gate

    def remove(self, adapter_name: str) -> None:
        """Forget an adapter."""
        del self._gates[adapter_name], self.loads[adapter_name], self.expert_weights[adapter_name]

    @contextmanager
    def opened(self, adapter_name: str, gate_inputs: torch.Tensor) -> Iterator[None]:
        """While it lasts, this thread's forward passes have an adapter's gates of these rows, float (rows, width)."""
        omega, weights = self._omega(adapter_name, gate_inputs), self.expert_weights[adapter_name]
        with weights.restored(weights.current):
            weights.set(omega)
            yield

    @contextmanager
    def all_opened(self, adapter_names: Iterable[str], gate_inputs: torch.Tensor) -> Iterator[None]:
        """Do the same for several adapters that read the same rows."""
        with ExitStack() as stack:
            for name in adapter_names:
                stack.enter_context(self.opened(name, gate_inputs))
            yield

    @contextmanager
    def opened_for_all(self, adapter_name: str) -> Iterator[None]:
        """While it lasts, this thread's forward passes have the one choice of a constant gate, for every row."""
        weights = self.expert_weights[adapter_name]
        omega = self._omega(adapter_name, constant_gate_inputs(1, _device_of(self._gates[adapter_name])))
        with weights.restored(weights.current):
            weights.set_for_all(omega[0])
            yield

    def checkpoint_contexts(self) -> Contexts:
        """Give what `torch.utils.checkpoint` takes as ``context_fn``: the recomputation sees the weights of now."""
        return contexts_of(self.expert_weights.values())

    def constant_factors(self, adapter_name: str, settings: InstanceWiseConfig) -> torch.Tensor:
        """Give what multiplies the experts of every sequence alike, float (K,); see `factors_of_constant_gate`."""
        gate = cast(Gate, self._gates[adapter_name])
        return factors_of_constant_gate(gate, settings, self.expert_weights[adapter_name].multiplier)

    def _omega(self, adapter_name: str, gate_inputs: torch.Tensor) -> torch.Tensor:
        # What is no tensor, the gate refuses by name; an array of NumPy 2 has a device too, a string.
        device = gate_inputs.device if isinstance(gate_inputs, torch.Tensor) else torch.device("cpu")
        with torch.autocast(device.type, enabled=False):
            omega: torch.Tensor = self._gates[adapter_name](gate_inputs)
        if self._gates[adapter_name].training:
            self.loads[adapter_name].observe(omega)
        return omega


def _device_of(gate: nn.Module) -> torch.device:
    return gate.get_buffer("standardisation.mean").device
