"""The gates."""

import pytest
import torch

from ilora.adapters import InstanceWiseConfig, LinearGate, TopKGate, build_gate
from ilora.adapters.config import GateKind
from tiny_models import config

KINDS: tuple[GateKind, ...] = ("linear", "residual_convolution", "top_k")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("experts", [1, 2, 4, 8])
def test_expert_weights_are_a_distribution(kind: GateKind, experts: int) -> None:
    torch.manual_seed(0)
    gate = build_gate(config(experts, gate=kind, width=16))
    z = torch.randn(50, 16) * 3 + 5
    gate.fit(z)
    omega = gate.eval()(z)
    assert omega.shape == (50, experts)
    assert (omega >= 0).all()
    torch.testing.assert_close(omega.sum(dim=1), torch.ones(50))


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_of_a_row_do_not_depend_on_the_others(kind: GateKind) -> None:
    torch.manual_seed(0)
    gate = build_gate(config(gate=kind, width=16)).double().eval()
    z = torch.randn(5, 16, dtype=torch.float64)
    together = gate(z)
    for row in range(5):
        torch.testing.assert_close(gate(z[row : row + 1])[0], together[row], rtol=1e-12, atol=0)


def test_the_linear_gate_is_the_softmax_of_standardised_z() -> None:
    torch.manual_seed(0)
    gate = LinearGate(8, 2)
    z = torch.randn(20, 8) * 2 + 1
    gate.fit(z)
    expected = torch.softmax((z - z.mean(0)) / z.std(0) @ gate.projection.weight.T, dim=1)
    torch.testing.assert_close(gate(z), expected)


@pytest.mark.parametrize("active", [1, 2, 4])
def test_top_k_leaves_all_but_the_largest_at_zero(active: int) -> None:
    torch.manual_seed(0)
    hard, soft = TopKGate(8, 4, active), LinearGate(8, 4)
    soft.load_state_dict(hard.state_dict())
    z = torch.randn(20, 8) * 10
    omega, expected = hard(z), soft(z)
    kept = expected >= expected.sort(dim=1, descending=True).values[:, active - 1 : active]
    assert torch.equal(omega != 0, kept)
    torch.testing.assert_close(omega, expected * kept / (expected * kept).sum(dim=1, keepdim=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused_by_its_row(kind: GateKind, value: float) -> None:
    z = torch.zeros(3, 16)
    z[1, 2] = value
    with pytest.raises(ValueError, match=r"NaN or infinite in batch rows \[1\]"):
        build_gate(config(gate=kind, width=16))(z)


def test_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(batch, 4\), found \(1, 5\)"):
        LinearGate(4, 2)(torch.zeros(1, 5))
    with pytest.raises(ValueError, match=r"shape \(batch, 4\), found \(4,\)"):
        LinearGate(4, 2)(torch.zeros(4))


def test_statistics_need_finite_representations_that_differ() -> None:
    standardisation = LinearGate(4, 2).standardisation
    with pytest.raises(ValueError, match="NaN or infinity"):
        standardisation.fit(torch.full((3, 4), float("inf")))
    with pytest.raises(ValueError, match=r"shape \(2 or more, 4\), found \(1, 4\)"):
        standardisation.fit(torch.zeros(1, 4))
    with pytest.raises(ValueError, match=r"shape \(2 or more, 4\), found \(3, 5\)"):
        standardisation.fit(torch.zeros(3, 5))
    with pytest.raises(ValueError, match="all sequence representations are the same"):
        standardisation.fit(torch.ones(3, 4))


def test_a_dimension_that_never_moved_in_training_is_not_blown_up_afterwards() -> None:
    standardisation = LinearGate(2, 2).standardisation
    standardisation.fit(torch.tensor([[0.0, 1.0], [0.0, 3.0]]))
    torch.testing.assert_close(standardisation(torch.tensor([[0.5, 2.0]])), torch.tensor([[0.5, 0.0]]))


def test_the_statistics_are_kept_with_the_gate() -> None:
    gate = build_gate(InstanceWiseConfig(experts=4, width=3))
    gate.fit(torch.randn(9, 3, generator=torch.Generator().manual_seed(0)) + 2)
    again = build_gate(InstanceWiseConfig(experts=4, width=3))
    again.load_state_dict(gate.state_dict())
    assert torch.equal(again(torch.ones(2, 3)), gate(torch.ones(2, 3)))
