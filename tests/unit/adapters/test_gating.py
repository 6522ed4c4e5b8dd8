"""Instance-wise LoRA layers against the sum over experts of Eq. 12, written out."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from ilora.adapters import ExpertWeights, gate_lora_layers
from ilora.adapters.gating import Scale


class TwoLayers(nn.Module):
    """The smallest model that PEFT adapts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> Any:
        return self.second(torch.tanh(self.first(x)))


def adapted(width: int = 6, rank: int = 8, alpha: int = 32) -> PeftModel:
    model = get_peft_model(TwoLayers(width), LoraConfig(r=rank, lora_alpha=alpha, target_modules=["first", "second"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    return model.double()


def sum_over_experts(model: PeftModel, x: torch.Tensor, omega: torch.Tensor, factor: float, rank: int) -> torch.Tensor:
    """Compute the model's output with every expert's B_k A_k on its own, one sequence at a time."""
    experts = omega.shape[1]
    size = rank // experts
    rows = []
    inner: Any = model.base_model.model
    for sequence, weights in zip(x, omega, strict=True):
        hidden = sequence
        for layer in (inner.first, inner.second):
            down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            update = sum(
                weights[k] * up[:, k * size : (k + 1) * size] @ down[k * size : (k + 1) * size] for k in range(experts)
            )
            output = layer.base_layer(hidden) + factor * hidden @ update.T
            hidden = torch.tanh(output)
        rows.append(output)
    return torch.stack(rows)


@settings(deadline=None, max_examples=25)
@given(
    experts=st.sampled_from([1, 2, 4, 8]),
    sequences=st.integers(1, 5),
    tokens=st.integers(1, 4),
    scale=st.sampled_from(["per_rank", "per_expert_rank"]),
    seed=st.integers(0, 10_000),
)
def test_equals_the_sum_over_experts(experts: int, sequences: int, tokens: int, scale: Scale, seed: int) -> None:
    torch.manual_seed(seed)
    model = adapted()
    weights = ExpertWeights(8, experts, scale)
    assert gate_lora_layers(model, weights) == 2
    omega = torch.softmax(torch.randn(sequences, experts, dtype=torch.float64), dim=1)
    x = torch.randn(sequences, tokens, 6, dtype=torch.float64)
    weights.set(omega)
    factor = 32 / 8 if scale == "per_rank" else 32 / (8 / experts)
    torch.testing.assert_close(model(x), sum_over_experts(model, x, omega, factor, rank=8), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("experts", [1, 2, 4, 8])
def test_uniform_gate_is_plain_lora_at_every_number_of_experts(experts: int) -> None:
    torch.manual_seed(0)
    model = adapted()
    x = torch.randn(3, 2, 6, dtype=torch.float64)
    plain = model(x)
    weights = ExpertWeights(8, experts, "per_expert_rank")
    gate_lora_layers(model, weights)
    weights.set(torch.full((3, experts), 1 / experts, dtype=torch.float64))
    assert torch.equal(model(x), plain)


def test_output_of_a_row_does_not_depend_on_the_others() -> None:
    torch.manual_seed(0)
    model = adapted()
    weights = ExpertWeights(8, 4, "per_expert_rank")
    gate_lora_layers(model, weights)
    omega = torch.softmax(torch.randn(5, 4, dtype=torch.float64), dim=1)
    x = torch.randn(5, 3, 6, dtype=torch.float64)
    weights.set(omega)
    together = model(x)
    weights.set(omega[2:3])
    torch.testing.assert_close(model(x[2:3])[0], together[2], rtol=1e-12, atol=1e-12)


def test_several_rows_of_one_sequence_share_its_gate() -> None:
    torch.manual_seed(0)
    model = adapted()
    weights = ExpertWeights(8, 2, "per_expert_rank")
    gate_lora_layers(model, weights)
    omega = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    x = torch.randn(2, 3, 6, dtype=torch.float64)
    weights.set(omega)
    once = model(x)
    torch.testing.assert_close(model(x.repeat_interleave(3, dim=0)), once.repeat_interleave(3, dim=0))


def test_gradients_reach_the_gate_and_agree_with_finite_differences() -> None:
    torch.manual_seed(0)
    model = adapted()
    weights = ExpertWeights(8, 4, "per_expert_rank")
    gate_lora_layers(model, weights)
    x = torch.randn(2, 2, 6, dtype=torch.float64)

    def output(logits: torch.Tensor) -> torch.Tensor:
        weights.set(torch.softmax(logits, dim=1))
        return model(x)

    assert torch.autograd.gradcheck(output, torch.randn(2, 4, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("merge", ["merge_and_unload", "merge_adapter"])
def test_merging_is_refused(merge: str) -> None:
    model = adapted()
    gate_lora_layers(model, ExpertWeights(8, 4, "per_expert_rank"))
    with pytest.raises(RuntimeError, match="one update per sequence"):
        getattr(model, merge)()


def test_forward_without_expert_weights_says_so() -> None:
    model = adapted()
    gate_lora_layers(model, ExpertWeights(8, 4, "per_expert_rank"))
    with pytest.raises(RuntimeError, match="no expert weights are set"):
        model(torch.zeros(1, 1, 6, dtype=torch.float64))


def test_expert_weights_of_another_batch_are_refused() -> None:
    model = adapted()
    weights = ExpertWeights(8, 4, "per_expert_rank")
    gate_lora_layers(model, weights)
    weights.set(torch.full((2, 4), 0.25, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="2 sequences met a batch of 3 rows"):
        model(torch.zeros(3, 1, 6, dtype=torch.float64))


@pytest.mark.parametrize(("rank", "experts"), [(6, 4), (8, 0), (8, 16)])
def test_rank_must_be_a_multiple_of_the_experts(rank: int, experts: int) -> None:
    with pytest.raises(ValueError, match="multiple of the experts"):
        ExpertWeights(rank, experts, "per_expert_rank")


def test_layers_of_another_rank_are_refused() -> None:
    with pytest.raises(ValueError, match="found rank 8, expected 4"):
        gate_lora_layers(adapted(rank=8), ExpertWeights(4, 2, "per_rank"))


def test_a_model_without_lora_is_refused() -> None:
    with pytest.raises(ValueError, match="no LoRA layer"):
        gate_lora_layers(TwoLayers(4), ExpertWeights(4, 2, "per_rank"))
