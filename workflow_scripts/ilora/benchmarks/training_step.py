"""One forward and backward pass whose time and memory can be measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ilora.benchmarks.memory import held_bytes, peak_bytes


@dataclass(frozen=True)
class TrainingStep:
    """A model and its batch. A call runs forward and backward and leaves no gradients.

    Attributes:
        model: model that returns an output with logits.
        inputs: keyword arguments of the model.
        device: device of model and inputs.
        dtype: dtype of matrix products; bfloat16 enables autocast, as in fine-tuning.
    """

    model: nn.Module
    inputs: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype

    def __call__(self) -> None:
        """Run the step, and wait for the GPU."""
        self.forward_backward()
        self.drop_gradients()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def forward_backward(self) -> None:
        """Run the step and keep the gradients."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits = self.model(**self.inputs).logits
        logits.float().mean().backward()

    def drop_gradients(self) -> None:
        """Free every gradient."""
        for tensor in self._tensors():
            tensor.grad = None

    def peak_bytes(self) -> int:
        """Return the peak memory in bytes, including weights and batch."""
        return held_bytes(self._tensors()) + peak_bytes(self, self.device)

    def _tensors(self) -> list[torch.Tensor]:
        inputs = [value for value in self.inputs.values() if isinstance(value, torch.Tensor)]
        return [*self.model.parameters(), *self.model.buffers(), *inputs]
