"""The gates."""

import pytest
import torch

from ilora.adapters import build_gate
from ilora.adapters.gate import GateKind


@pytest.mark.parametrize("kind", ["linear", "residual_convolution"])
def test_expert_weights_are_a_distribution(kind: GateKind) -> None:
    torch.manual_seed(0)
    gate = build_gate(kind, 16, 4)
    z = torch.randn(50, 16) * 3 + 5
    gate.standardisation.fit(z)
    omega = gate.eval()(z)
    assert omega.shape == (50, 4)
    assert (omega > 0).all()
    torch.testing.assert_close(omega.sum(dim=1), torch.ones(50))


def test_linear_gate_is_the_softmax_of_standardised_z() -> None:
    torch.manual_seed(0)
    gate = build_gate("linear", 8, 2)
    z = torch.randn(20, 8) * 2 + 1
    gate.standardisation.fit(z)
    expected = torch.softmax((z - z.mean(0)) / z.std(0) @ gate.projection.weight.T, dim=1)
    torch.testing.assert_close(gate(z), expected)


def test_nan_names_the_row() -> None:
    gate = build_gate("linear", 4, 2)
    z = torch.zeros(3, 4)
    z[1, 2] = float("nan")
    with pytest.raises(ValueError, match=r"batch rows \[1\]"):
        gate(z)


def test_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="width 4, found 5"):
        build_gate("linear", 4, 2)(torch.zeros(1, 5))


def test_at_least_one_expert() -> None:
    with pytest.raises(ValueError, match="at least 1 expert"):
        build_gate("linear", 4, 0)


def test_statistics_need_finite_representations() -> None:
    gate = build_gate("linear", 4, 2)
    with pytest.raises(ValueError, match="NaN or infinity"):
        gate.standardisation.fit(torch.full((3, 4), float("inf")))
    with pytest.raises(ValueError, match=r"shape \(2 or more, 4\)"):
        gate.standardisation.fit(torch.zeros(1, 4))
