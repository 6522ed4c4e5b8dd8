"""The load of the experts."""

import pytest
import torch

from ilora.adapters import expert_load
from ilora.adapters.load import LoadMeter


@pytest.mark.parametrize("experts", [1, 2, 4, 8])
def test_uniform_weights_are_the_largest_entropy(experts: int) -> None:
    load = expert_load(torch.full((3, experts), 1 / experts))
    assert load.shares == pytest.approx([1 / experts] * experts)
    assert load.entropy == pytest.approx(1.0)
    assert load.effective_experts == pytest.approx(experts)
    assert not load.has_collapsed


@pytest.mark.parametrize("experts", [2, 4, 8])
def test_one_expert_for_everyone_is_a_collapse(experts: int) -> None:
    load = expert_load(torch.eye(experts)[torch.zeros(5, dtype=torch.long)])
    assert load.shares == (1.0, *[0.0] * (experts - 1))
    assert (load.entropy, load.effective_experts) == (0.0, 1.0)
    assert load.has_collapsed


def test_hard_but_balanced_routing_is_none() -> None:
    load = expert_load(torch.eye(4))
    assert load.entropy == 0.0
    assert load.effective_experts == pytest.approx(4.0)
    assert not load.has_collapsed


def test_entropy_is_the_mean_over_sequences_and_shares_the_mean_weights() -> None:
    load = expert_load(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    assert load.entropy == pytest.approx(0.5)
    assert load.shares == (0.75, 0.25)
    assert load.effective_experts == pytest.approx(2 ** (2 - 0.75 * 1.5849625007))


@pytest.mark.parametrize(("weights", "collapsed"), [([0.6, 0.4, 0.0, 0.0], True), ([0.49, 0.49, 0.02, 0.0], False)])
def test_the_threshold_lies_a_third_of_the_way_from_one_expert_to_all(weights: list[float], collapsed: bool) -> None:
    """Two of four experts carry equal loads: 1 + (4 - 1)/3."""
    assert expert_load(torch.tensor([weights])).has_collapsed is collapsed


def test_nothing_to_summarise_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1 or more, K\), found \(0, 4\)"):
        expert_load(torch.zeros(0, 4))
    with pytest.raises(ValueError, match=r"shape \(1 or more, K\), found \(4,\)"):
        expert_load(torch.zeros(4))


def test_a_meter_gives_what_passed_since_it_was_last_read() -> None:
    meter = LoadMeter()
    assert meter.read() is None
    meter.observe(torch.tensor([[1.0, 0.0]]))
    meter.observe(torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    first = meter.read()
    assert first is not None and first.shares == pytest.approx((1 / 3, 2 / 3))
    meter.observe(torch.tensor([[1.0, 0.0]]))
    second = meter.read()
    assert second is not None and second.shares == (1.0, 0.0)
    assert meter.read() is None
