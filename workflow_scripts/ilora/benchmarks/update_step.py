"""The adapter's share of a training step: the low-rank updates of all adapted layers, forward and backward.

The product with the frozen weights, which is the same for every adapter and dominates a step, is precomputed.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import nn

from ilora.benchmarks.workloads import Workload


class GivenProduct(nn.Module):
    """Stands in for a frozen linear layer with a known output.

    Args:
        output: (rows, tokens, width_out).
    """

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for any x."""
        return self.output


@dataclass(frozen=True)
class UpdateStep:
    """Adapted layers with their inputs. A call runs forward and backward and leaves no gradients.

    Attributes:
        layers: layers whose base layer is a `GivenProduct`.
        inputs: input of each layer; layers of the same width share one.
        gradients: gradient of each layer's output.
        gated: returns a context in which the layers have the gates of the batch.
        parameters: trained parameters of layers and gate.
        device: device of all tensors.
        dtype: see `ilora.benchmarks.training_step.TrainingStep`.
    """

    layers: tuple[nn.Module, ...]
    inputs: tuple[torch.Tensor, ...]
    gradients: tuple[torch.Tensor, ...]
    gated: Callable[[], AbstractContextManager[None]]
    parameters: tuple[torch.Tensor, ...]
    device: torch.device
    dtype: torch.dtype

    def __call__(self) -> None:
        """Run the step, and wait for the GPU."""
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
    """Return the step of a model's adapted layers.

    Args:
        model: model with the layers and the gate; unusable otherwise afterwards.
        layers: layers with a linear ``base_layer``, which is replaced.
        gated: see `UpdateStep`.
        workload: rows and tokens of the batch.
        device: device of the model.
        dtype: dtype of the activations.
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
