"""One forward and backward pass, as a thing that can be timed or weighed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ilora.benchmarks.memory import held_bytes, peak_bytes


@dataclass(frozen=True)
class TrainingStep:
    """A model and its batch. Calling it runs forward and backward and leaves no gradient behind.

    Attributes:
        model: gives an output with logits for the inputs.
        inputs: keyword arguments of the model.
        device: of both.
        dtype: of the products: bfloat16 means that autocast is on, as it is in fine-tuning.
    """

    model: nn.Module
    inputs: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype

    def __call__(self) -> None:
        """Run it; the GPU has finished when this returns."""
        self.forward_backward()
        self.drop_gradients()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def forward_backward(self) -> None:
        """Run it and keep the gradients."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits = self.model(**self.inputs).logits
        logits.float().mean().backward()

    def drop_gradients(self) -> None:
        """Free every gradient."""
        for tensor in self._tensors():
            tensor.grad = None

    def peak_bytes(self) -> int:
        """Give the most bytes that are held at one time, weights and batch among them."""
        return held_bytes(self._tensors()) + peak_bytes(self, self.device)

    def _tensors(self) -> list[torch.Tensor]:
        inputs = [value for value in self.inputs.values() if isinstance(value, torch.Tensor)]
        return [*self.model.parameters(), *self.model.buffers(), *inputs]
