"""The released code's gate against numbers computed by hand, and against the same network in NumPy."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ilora.adapters.gate import ResidualConvolutionGate

Array = NDArray[np.float64]


class WrittenOut:
    """The network in float64, written out sum by sum, with the weights of a gate.

    Args:
        gate: gate whose state is used.
        training: whether batch normalisation uses the statistics of the batch.
    """

    def __init__(self, gate: ResidualConvolutionGate, training: bool) -> None:
        self.state = {name: tensor.double().numpy().copy() for name, tensor in gate.state_dict().items()}
        self.training = training

    def omega(self, z: Array) -> Array:
        signal = np.maximum(self._normalised(self._convolved(z[:, None, :], "stem.0", 1), "stem.1"), 0)
        for block in range(9):
            signal = self._block(signal, f"blocks.{block}.convolutions", 2 if block in (3, 6) else 1)
        scores = signal.mean(axis=2) @ self.state["projection.weight"].T + self.state["projection.bias"]
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))

    def _block(self, signal: Array, name: str, stride: int) -> Array:
        inner = np.maximum(self._normalised(self._convolved(signal, f"{name}.0", stride), f"{name}.1"), 0)
        inner = self._normalised(self._convolved(inner, f"{name}.3", 1), f"{name}.4")
        shortcut = np.zeros_like(inner)
        before = (inner.shape[1] - signal.shape[1]) // 2
        for place in range(inner.shape[2]):
            shortcut[:, before : before + signal.shape[1], place] = signal[:, :, stride * place]
        return np.maximum(inner + shortcut, 0)

    def _convolved(self, signal: Array, name: str, stride: int) -> Array:
        weight = self.state[f"{name}.weight"]
        rows, _, length = signal.shape
        padded = np.zeros((rows, signal.shape[1], length + 2))
        padded[:, :, 1:-1] = signal
        places = range(0, length, stride)
        return np.stack([np.einsum("rct,oct->ro", padded[:, :, at : at + 3], weight) for at in places], axis=2)

    def _normalised(self, signal: Array, name: str) -> Array:
        mean, variance = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        if self.training:
            values = signal.shape[0] * signal.shape[2]
            mean, variance = signal.mean(axis=(0, 2)), signal.var(axis=(0, 2))
            self.state[f"{name}.running_mean"] = 0.9 * self.state[f"{name}.running_mean"] + 0.1 * mean
            unbiased = variance * values / (values - 1)
            self.state[f"{name}.running_var"] = 0.9 * self.state[f"{name}.running_var"] + 0.1 * unbiased
        scaled = (signal - mean[None, :, None]) / np.sqrt(variance + 1e-5)[None, :, None]
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return np.asarray(scaled * weight[None, :, None] + bias[None, :, None])


def random_gate(width: int, experts: int = 4) -> ResidualConvolutionGate:
    """Return a float64 gate with distinct weights and statistics."""
    generator = torch.Generator().manual_seed(width)
    gate = ResidualConvolutionGate(width, experts).double()
    for name, tensor in gate.state_dict().items():
        if not tensor.is_floating_point() or name.startswith("standardisation"):
            continue
        drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else 0.3 * drawn)
    return gate


def signals(rows: int, width: int) -> torch.Tensor:
    return 2 * torch.randn(rows, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1


@pytest.mark.parametrize("width", [1, 4, 7, 64])
def test_omega_is_that_of_the_network_written_out(width: int) -> None:
    gate, z = random_gate(width).eval(), signals(3, width)
    gate.fit(z)  # no effect: z is read raw
    expected = WrittenOut(gate, training=False).omega(z.numpy())
    np.testing.assert_allclose(gate(z).detach().numpy(), expected, rtol=1e-10)
    assert np.ptp(expected, axis=0).max() > 1e-4  # or this would test nothing


@pytest.mark.parametrize(("rows", "width"), [(3, 6), (2, 1), (1, 5)])
def test_in_training_the_batch_is_normalised_by_itself(rows: int, width: int) -> None:
    gate, z = random_gate(width).train(), signals(rows, width)
    written = WrittenOut(gate, training=True)
    np.testing.assert_allclose(gate(z).detach().numpy(), written.omega(z.numpy()), rtol=1e-8)
    for name, tensor in gate.state_dict().items():
        if "running" in name:
            np.testing.assert_allclose(tensor.numpy(), written.state[name], rtol=1e-10, err_msg=name)


def test_one_row_has_statistics_from_a_width_of_five_on() -> None:
    with pytest.raises(ValueError, match="found 1 row of width 4 in training, expected 2 or more rows"):
        random_gate(4).train()(signals(1, 4))
    assert torch.isfinite(random_gate(5).train()(signals(1, 5))).all()


@torch.no_grad()
def test_a_case_by_hand() -> None:
    gate = ResidualConvolutionGate(4, 4).double().eval()
    for name, tensor in gate.state_dict().items():
        if name.endswith("running_var"):
            tensor.fill_(1 - 1e-5)  # with the epsilon of batch normalisation it is 1
        elif name.split(".")[-2] in {"0", "3"} or name.startswith("projection"):
            tensor.zero_()  # zero convolutions: only the shortcuts are left
    stem: Any = gate.stem[0]
    stem.weight[2, 0, 1] = 1.0
    # Channel 2 becomes 2 + 8 and then 10 + 16; striding by 2 twice keeps the first of four values.
    gate.projection.weight[:, 26] = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64).log()
    omega = gate(torch.tensor([[1.0, 9.0, 7.0, 5.0], [2.0, 0.0, 0.0, 0.0], [-3.0, 1.0, 1.0, 1.0]]).double())
    expected = [[0.1, 0.2, 0.3, 0.4], [1 / 30, 4 / 30, 9 / 30, 16 / 30], [0.25, 0.25, 0.25, 0.25]]
    np.testing.assert_allclose(omega.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(("experts", "parameters"), [(1, 90_577), (4, 90_772), (8, 91_032)])
def test_it_has_as_many_parameters_as_the_released_one(experts: int, parameters: int) -> None:
    # 4 experts: convolutions 3 (16 + 6 16^2 + 16 32 + 5 32^2 + 32 64 + 5 64^2) = 89,136, batch normalisation
    # 2 (16 + 6 16 + 6 32 + 6 64) = 1,376, the linear map 4 (64 + 1) = 260.
    assert sum(parameter.numel() for parameter in ResidualConvolutionGate(64, experts).parameters()) == parameters
