"""The comparisons of the adapter section on tiny shapes; their values are not checked."""

from functools import partial

import pytest
import torch
from torch import nn

from ilora.benchmarks import adapter
from ilora.benchmarks.adaptations import EXPERTS, RANK
from ilora.benchmarks.adapter import layer_claims, training_steps, update_steps
from ilora.benchmarks.claims import compare, compare_times
from ilora.benchmarks.fine_tuning import operations
from ilora.benchmarks.training_step import TrainingStep
from ilora.benchmarks.workloads import EMBEDDED, LLAMA_2_7B_GPU, LLAMA_2_7B_LAYER, Workload

CPU = torch.device("cpu")
TINY = Workload(batch=2, tokens=6, layers=1, hidden_size=32, intermediate_size=48, heads=2, vocabulary_size=16)


def test_all_steps_share_the_frozen_weights_and_leave_nothing_behind() -> None:
    steps = training_steps(TINY, CPU, torch.float32)
    frozen = {id(parameter) for parameter in steps["frozen"].model.parameters()}
    added = {}
    for name, step in steps.items():
        step()
        parameters = list(step.model.parameters())
        assert frozen <= {id(parameter) for parameter in parameters}, name
        assert {id(parameter) for parameter in parameters if not parameter.requires_grad} == frozen, name
        assert all(parameter.grad is None for parameter in parameters), name
        added[name] = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    lora = 8 * (4 * (32 + 32) + 3 * (32 + 48))
    assert added["frozen"] == 0
    assert added["uniform"] == lora
    assert added["instance_wise"] == added["per_expert"] == lora + EXPERTS * 64
    assert added["x_lora"] == lora + EXPERTS * (32 + 1)


def test_x_lora_is_a_mixture_of_as_many_adapters_of_an_experts_rank() -> None:
    model = training_steps(TINY, CPU, torch.float32)["x_lora"].model
    (layer,) = [module for name, module in model.named_modules() if name.endswith("q_proj")]
    assert layer.r == {str(expert): RANK // EXPERTS for expert in range(EXPERTS)}
    assert layer.active_adapters == [str(expert) for expert in range(EXPERTS)]


def test_a_step_weighs_the_same_every_time_and_more_than_its_weights() -> None:
    steps = training_steps(TINY, CPU, torch.bfloat16)
    frozen, adapted = steps["frozen"], steps["instance_wise"]
    weights = sum(parameter.nbytes for parameter in frozen.model.parameters())
    adapted.peak_bytes()  # the gate's load meter holds its sums from the first step on
    assert weights < frozen.peak_bytes() < adapted.peak_bytes() == adapted.peak_bytes()


def test_the_claims_on_a_layer_and_what_they_are_held_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "compare_times", partial(compare_times, repeats=2, warm_up=0))
    monkeypatch.setattr(adapter, "compare", partial(compare, repeats=2))
    claims = {claim.claim: claim for claim in layer_claims(TINY, CPU, torch.bfloat16, suffix="_somewhere")}
    assert {name.removesuffix("_somewhere"): claim.target for name, claim in claims.items()} == {
        "step_time_vs_lora_7b_shapes": 1.03,
        "peak_memory_vs_lora_7b_shapes": 1.02,
        "step_time_vs_per_expert_7b_shapes_whole_layer": 1.0,
        "step_time_vs_per_expert_7b_shapes": 1 / 3,
        "extra_memory_vs_per_expert_7b_shapes": 0.5,
        "step_time_vs_xlora_7b_shapes": 1.0,
    }
    assert all(claim.hardware.endswith("bfloat16") for claim in claims.values())
    memory = claims["extra_memory_vs_per_expert_7b_shapes_somewhere"]
    assert memory.unit == "MiB" and memory.ratio_low == memory.ratio == memory.ratio_high < 1


def test_the_updates_alone_leave_nothing_behind() -> None:
    for step in update_steps(TINY, CPU, torch.bfloat16):
        assert len(step.layers) == 7
        step()
        assert all(tensor.grad is None for tensor in (*step.inputs, *step.parameters))


def test_operations_are_those_that_frozen_weights_leave() -> None:
    class OneProduct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(16, 32, bias=False).requires_grad_(False)

        def forward(self, inputs_embeds: torch.Tensor) -> "OneProduct":
            self.logits = self.linear(inputs_embeds)
            return self

    inputs = {"inputs_embeds": torch.ones(3, 5, 16, requires_grad=True)}
    forward = 2 * 3 * 5 * 16 * 32
    assert operations(TrainingStep(OneProduct(), inputs, CPU, torch.float32)) == 2 * forward


def test_the_shapes_are_those_that_the_claims_name() -> None:
    whole, layer = LLAMA_2_7B_GPU.config(), LLAMA_2_7B_LAYER.config()
    assert (whole.hidden_size, whole.intermediate_size, whole.num_hidden_layers) == (4096, 11008, 32)
    assert (whole.num_attention_heads, whole.num_key_value_heads, whole.vocab_size) == (32, 32, 32000)
    assert (layer.hidden_size, layer.intermediate_size, layer.num_attention_heads) == (4096, 11008, 32)
    assert (EMBEDDED.hidden_size, EMBEDDED.layers) == (128, 3)
