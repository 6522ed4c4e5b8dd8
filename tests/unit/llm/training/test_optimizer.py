"""Optimizer, schedule and gradient clipping, against their equations and against torch and transformers."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import get_cosine_with_min_lr_schedule_with_warmup

from ilora.llm.training.loop import LoopSettings, ParameterGroup, Schedule, adam, train


class Line(nn.Module):
    """A model whose gradient of the weight is the mean of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -2.0]))

    def forward(self, x: torch.Tensor, num_items_in_batch: Any = None) -> dict[str, torch.Tensor]:
        return {"loss": (x.mean(dim=0) * self.weight).sum()}


class Steps(Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, position: int) -> torch.Tensor:
        return torch.tensor([100.0 / (position + 1), 3.0])


def trained(**settings: Any) -> list[float]:
    """Return the weight after three steps at a constant learning rate of 0.1, without warm-up."""
    model = Line()
    train(
        model,
        Steps(),
        lambda rows: {"x": torch.stack(list(rows))},
        [ParameterGroup([model.weight], 0.1, settings.pop("l2", 0.0), is_decoupled=False)],
        LoopSettings("test", Schedule(3, 0, floor=1.0), batch_size=1, seed=0, **settings),
    )
    return [float(value) for value in model.weight.detach()]


def by_hand(beta2: float, limit: float, l2: float = 0.0) -> list[float]:
    """Run Adam (Kingma and Ba 2015) in float64."""
    weight, mean, square = [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]
    for step in range(1, 4):
        gradient = [100.0 / step, 3.0]
        scale = min(1.0, limit / (math.hypot(*gradient) + 1e-6))
        for i in range(2):
            slope = gradient[i] * scale + l2 * weight[i]
            mean[i] = 0.9 * mean[i] + 0.1 * slope
            square[i] = beta2 * square[i] + (1 - beta2) * slope**2
            update = mean[i] / (1 - 0.9**step) / (math.sqrt(square[i] / (1 - beta2**step)) + 1e-8)
            weight[i] -= 0.1 * update
    return weight


@pytest.mark.parametrize("beta2", [0.98, 0.999])
@pytest.mark.parametrize("limit", [1.0, 40.0, None])
@pytest.mark.parametrize("l2", [0.0, 5.0])
def test_three_steps_are_adams(beta2: float, limit: float | None, l2: float) -> None:
    found = trained(adam_beta2=beta2, maximum_gradient_norm=limit, l2=l2)
    assert found == pytest.approx(by_hand(beta2, math.inf if limit is None else limit, l2), rel=1e-5)


def test_the_switches_matter_where_they_are_tested() -> None:
    results = [by_hand(0.98, 1.0), by_hand(0.999, 1.0), by_hand(0.98, math.inf), by_hand(0.98, 1.0, 5.0)]
    assert len({tuple(round(value, 4) for value in result) for result in results}) == 4


@pytest.mark.parametrize(("decay", "is_decoupled"), [(0.0, True), (0.0, False), (0.3, True), (0.3, False)])
def test_the_optimizer_is_torchs_adam_or_adamw(decay: float, is_decoupled: bool) -> None:
    start = torch.randn(5, generator=torch.Generator().manual_seed(0))
    own, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    expected = (torch.optim.AdamW if is_decoupled else torch.optim.Adam)(
        [theirs], lr=0.1, betas=(0.9, 0.98), weight_decay=decay
    )
    found = adam([ParameterGroup([own], 0.1, decay, is_decoupled)], 0.98)
    for optimizer, parameter in ((found, own), (expected, theirs)):
        for _ in range(3):
            optimizer.zero_grad()
            (parameter**2).sum().backward()
            optimizer.step()
    assert torch.equal(own, theirs)


@pytest.mark.parametrize("floor", [0.0, 0.05])
@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_a_schedule_from_zero_is_transformers_own(floor: float, warmup: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_with_min_lr_schedule_with_warmup(optimizer, warmup, 40, min_lr_rate=floor).lr_lambdas[0]
    own = Schedule(40, warmup, floor)
    assert [own.share_of_peak(step) for step in range(41)] == [theirs(step) for step in range(41)]


def test_the_released_schedule_goes_from_and_to_a_hundredth_of_the_peak() -> None:
    released = Schedule(100, 5, floor=0.01, start=0.01)
    found = {step: released.share_of_peak(step) for step in (0, 1, 4, 5, 52, 53, 100)}
    # Warm-up: 0.01 + 0.99 step / 5. Then 0.01 + 0.99 (1 + cos(pi (step - 5) / 95)) / 2.
    half = 0.99 * math.sin(math.pi / 190) / 2
    expected = {0: 0.01, 1: 0.208, 4: 0.802, 5: 1.0, 52: 0.505 + half, 53: 0.505 - half, 100: 0.01}
    assert found == pytest.approx(expected, abs=1e-12)


def test_checkpoints_of_adamw_can_be_gone_on_from(tmp_path: Path) -> None:
    """A checkpoint of an earlier version in the middle of a training."""
    weight = nn.Parameter(torch.ones(2))
    earlier = torch.optim.AdamW([weight], lr=0.1, betas=(0.9, 0.98), weight_decay=0.0)
    torch.save(earlier.state_dict(), tmp_path / "optimizer.pt")
    own = adam([ParameterGroup([weight], 0.1)], 0.98)
    own.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    assert own.param_groups[0]["decoupled_weight_decay"] is True
