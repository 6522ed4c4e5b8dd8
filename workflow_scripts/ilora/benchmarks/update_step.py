"""An adapter's own part of a training step: the updates of all adapted layers, forward and backward.

The product with the frozen weights, the same for every adapter and most of a step, is given and not computed.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import nn

from ilora.benchmarks.workloads import Workload


class GivenProduct(nn.Module):
    """Stands for a frozen linear layer whose output is known.

    Args:
        output: (rows, tokens, width_out).
    """

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the output, whatever x is."""
        return self.output


@dataclass(frozen=True)
class UpdateStep:
    """Adapted layers with what goes into them. Calling it runs forward and backward and leaves no gradient behind.

    Attributes:
        layers: whose base layer is a `GivenProduct`.
        inputs: one for each layer; layers of the same width share one.
        gradients: of each layer's output.
        gated: makes a context in which the layers have the gates of the batch.
        parameters: of layers and gate.
        device: of all.
        dtype: as in `ilora.benchmarks.training_step.TrainingStep`.
    """

    layers: tuple[nn.Module, ...]
    inputs: tuple[torch.Tensor, ...]
    gradients: tuple[torch.Tensor, ...]
    gated: Callable[[], AbstractContextManager[None]]
    parameters: tuple[torch.Tensor, ...]
    device: torch.device
    dtype: torch.dtype

    def __call__(self) -> None:
        """Run it; the GPU has finished when this returns."""
        autocast = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)
        with autocast, self.gated():
            outputs = [layer(x) for layer, x in zip(self.layers, self.inputs, strict=True)]
        torch.autograd.backward(outputs, self.gradients)
        for tensor in (*self.inputs, *self.parameters):
            tensor.grad = None
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def make_update_step(
    model: nn.Module,
    layers: list[nn.Module],
    gated: Callable[[], AbstractContextManager[None]],
    workload: Workload,
    device: torch.device,
    dtype: torch.dtype,
) -> UpdateStep:
    """Take the adapted layers out of a model.

    Args:
        model: holds the layers and the gate; of no use for anything else afterwards.
        layers: each with a linear ``base_layer``, which is replaced.
        gated: see `UpdateStep`.
        workload: rows and tokens of the batch.
        device: of the model.
        dtype: of activations.
    """
    torch.manual_seed(3)
    trained = tuple(parameter for parameter in model.parameters() if parameter.requires_grad)
    inputs_by_width: dict[int, torch.Tensor] = {}
    inputs, gradients = [], []
    for layer in layers:
        base_layer = layer.base_layer
        assert isinstance(base_layer, nn.Linear)
        width_in, width_out = base_layer.in_features, base_layer.out_features
        shape = (workload.batch, workload.tokens)
        if width_in not in inputs_by_width:
            inputs_by_width[width_in] = torch.randn(*shape, width_in, device=device, dtype=dtype, requires_grad=True)
        inputs.append(inputs_by_width[width_in])
        layer.base_layer = GivenProduct(torch.randn(*shape, width_out, device=device, dtype=dtype))
        gradients.append(torch.randn(*shape, width_out, device=device, dtype=dtype))
    return UpdateStep(tuple(layers), tuple(inputs), tuple(gradients), gated, trained, device, dtype)
