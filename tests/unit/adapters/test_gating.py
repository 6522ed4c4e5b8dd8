"""Gated LoRA layers against the sum over experts of Eq. 12, written out, and against PEFT's own LoRA."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from ilora.adapters import get_instance_wise_model
from ilora.adapters.config import GateKind, Scale
from ilora.adapters.expert_weights import ExpertWeights
from ilora.adapters.gating import gate_lora_layers, lora_layers
from tiny_models import (
    HIDDEN,
    VOCABULARY,
    OneLayer,
    config,
    instance_wise,
    logits_of_one_sequence,
    lora,
    padded,
    plain_lora,
    random_sequences,
    randomise,
    relative_error,
    representations,
    tiny_model,
    update_of_one_sequence,
)

EXACT = 1e-12


def refuse() -> torch.Tensor:
    raise AssertionError("nothing is merged here")


def one_gated_layer(
    inputs: int, outputs: int, rank: int, experts: int, scale: Scale = "per_expert_rank"
) -> tuple[Any, ExpertWeights]:
    """Return a float64 model with a single gated layer, and its expert weights."""
    model: Any = get_peft_model(OneLayer(inputs, outputs), LoraConfig(r=rank, lora_alpha=16, target_modules=["layer"]))
    randomise(model)
    weights = ExpertWeights(experts, scale)
    gate_lora_layers(model.double(), weights, refuse)
    return model.base_model.model.layer, weights


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    inputs=st.integers(1, 40),
    outputs=st.integers(1, 40),
    rank_per_expert=st.integers(1, 6),
    experts=st.sampled_from([1, 2, 4, 8]),
    rows=st.integers(1, 6),
    tokens=st.integers(1, 5),
    scale=st.sampled_from(["per_rank", "per_expert_rank"]),
    seed=st.integers(0, 10_000),
)
def test_a_layer_equals_the_sum_over_experts(
    inputs: int, outputs: int, rank_per_expert: int, experts: int, rows: int, tokens: int, scale: Scale, seed: int
) -> None:
    torch.manual_seed(seed)
    layer, weights = one_gated_layer(inputs, outputs, rank_per_expert * experts, experts, scale)
    omega = torch.softmax(3 * torch.randn(rows, experts, dtype=torch.float64), dim=1)
    x = torch.randn(rows, tokens, inputs, dtype=torch.float64)
    weights.set(omega)
    updates = torch.stack([update_of_one_sequence(layer, row, scale == "per_expert_rank") for row in omega])
    expected = layer.base_layer(x) + x @ updates.transpose(1, 2)
    assert relative_error(layer(x), expected) < EXACT


@settings(deadline=None, max_examples=20, derandomize=True)
@given(
    experts=st.sampled_from([1, 2, 4, 8]),
    gate=st.sampled_from(["linear", "top_k", "residual_convolution"]),
    scale=st.sampled_from(["per_rank", "per_expert_rank"]),
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    side=st.sampled_from(["left", "right"]),
    seed=st.integers(0, 10_000),
)
def test_a_padded_batch_through_a_llama_equals_the_sum_over_experts_of_each_sequence_alone(
    experts: int, gate: GateKind, scale: Scale, lengths: list[int], side: str, seed: int
) -> None:
    base = tiny_model(dtype=torch.float64, seed=seed)
    untouched = copy.deepcopy(base)
    model = instance_wise(base, config(experts, gate=gate, scale=scale), seed=seed).double()
    sequences, z = random_sequences(lengths, seed), representations(len(lengths), seed, torch.float64)
    batch = padded(sequences, side)
    with torch.no_grad():
        logits = model(**batch, sequence_representations=z).logits
        omega = model.gate(z)
    for row, sequence in enumerate(sequences):
        expected = logits_of_one_sequence(model, untouched, omega[row], sequence)
        assert relative_error(logits[row][batch["attention_mask"][row].bool()], expected) < EXACT


@pytest.mark.parametrize("gate", ["linear", "top_k", "residual_convolution"])
def test_gradients_of_weights_gate_and_input_agree_with_finite_differences(gate: GateKind) -> None:
    torch.manual_seed(0)
    layer, weights = one_gated_layer(5, 3, rank=8, experts=4)
    gate_module = instance_wise(tiny_model(), config(gate=gate)).gate.double()
    gate_module.requires_grad_(False)
    z, x = representations(2, dtype=torch.float64), torch.randn(2, 2, 5, dtype=torch.float64, requires_grad=True)
    read = gate_module.projection.weight.detach().clone().requires_grad_()
    down = layer.lora_A["default"].weight.detach().clone().requires_grad_()
    up = layer.lora_B["default"].weight.detach().clone().requires_grad_()

    def output(down: torch.Tensor, up: torch.Tensor, read: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        weights.set(torch.func.functional_call(gate_module, {"projection.weight": read}, (z,)))
        given = {"lora_A.default.weight": down, "lora_B.default.weight": up}
        return torch.func.functional_call(layer, given, (x,))

    # The residual network's last layer has many weights, so random directions are used.
    assert torch.autograd.gradcheck(output, (down, up, read, x), fast_mode=gate == "residual_convolution")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("experts", [1, 2, 4, 8])
def test_a_uniform_gate_is_pefts_lora_bit_for_bit_forward_and_backward(experts: int, dtype: torch.dtype) -> None:
    settings = lora(lora_dropout=0.1)
    plain = plain_lora(tiny_model(dtype=dtype), copy.deepcopy(settings)).train()
    gated = instance_wise(tiny_model(dtype=dtype), config(experts), settings).train()
    if experts > 1:
        nn.init.zeros_(gated.gate.projection.weight)
    batch = padded(random_sequences([6, 4, 5]), "left")
    batch["labels"] = batch["input_ids"]
    torch.manual_seed(3)
    expected = plain(**batch)
    torch.manual_seed(3)
    found = gated(**batch, sequence_representations=representations(3))
    assert torch.equal(found.logits, expected.logits)
    expected.loss.backward()
    found.loss.backward()
    gradients = {name: tensor.grad for name, tensor in gated.named_parameters() if "lora_" in name}
    assert len(gradients) == 28
    for name, parameter in plain.named_parameters():
        if parameter.requires_grad:
            assert torch.equal(gradients[name], parameter.grad)  # type: ignore[arg-type]
            assert parameter.grad.abs().sum() > 0  # type: ignore[union-attr]


def test_under_autocast_too() -> None:
    plain, gated = plain_lora(tiny_model()), instance_wise(tiny_model(), config(4))
    nn.init.zeros_(gated.gate.projection.weight)
    batch = padded(random_sequences([6, 4]), "left")
    with torch.autocast("cpu", torch.bfloat16):
        found = gated(**batch, sequence_representations=representations(2)).logits
        assert torch.equal(found, plain(**batch).logits)
    assert found.dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_the_sum_over_experts_to_its_rounding(dtype: torch.dtype, autocast: bool) -> None:
    """Either the base model is in half precision, or autocast uses it."""
    base = tiny_model(dtype=torch.float32 if autocast else dtype)
    model = instance_wise(base, config(4))
    assert model.gate.projection.weight.dtype == torch.float32
    omega = model.gate(representations(3)).detach()
    assert (omega.max(dim=1).values - omega.min(dim=1).values > 0.2).all()
    model.expert_weights.set(omega)
    x = torch.randn(3, 5, HIDDEN, generator=torch.Generator().manual_seed(0)).to(dtype)
    for layer in lora_layers(model, "default").values():
        if layer.in_features == HIDDEN:
            with torch.autocast("cpu", dtype, enabled=autocast), torch.no_grad():
                found = layer(x)
            assert found.dtype == dtype
            updates = torch.stack([update_of_one_sequence(layer, row.double(), True) for row in omega])
            weight = layer.get_base_layer().weight.double()
            expected = x.double() @ weight.T + x.double() @ updates.transpose(1, 2)
            assert relative_error(found.double(), expected) < 4 * torch.finfo(dtype).eps


def test_gates_are_computed_in_full_precision_under_autocast() -> None:
    model, z = instance_wise(tiny_model(), config(4)), representations(3)
    expected = model.gate(z)
    seen: list[torch.Tensor] = []
    model.gate.register_forward_hook(lambda _module, _inputs, omega: seen.append(omega))
    with torch.autocast("cpu", torch.bfloat16):
        model(**padded(random_sequences([4, 4, 4]), "left"), sequence_representations=z)
    assert torch.equal(seen[0], expected)


def test_a_row_does_not_depend_on_what_the_others_are() -> None:
    model = instance_wise(tiny_model(), config(4))
    sequences, z = random_sequences([6, 6, 6]), representations(3)
    first = model(**padded(sequences, "left"), sequence_representations=z).logits[0]
    other_z = torch.cat([z[:1], 5 * representations(2, seed=9)])
    others = [sequences[0], *random_sequences([6, 6], seed=9)]
    second = model(**padded(others, "left"), sequence_representations=other_z).logits
    assert torch.equal(second[0], first)
    # In contrast, its own gate has an effect.
    assert not torch.allclose(model(**padded(others, "left"), sequence_representations=-other_z).logits[0], first)


def test_a_row_does_not_depend_on_how_many_others_there_are() -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(4)).double()
    sequences, z = random_sequences([6] * 5), representations(5, dtype=torch.float64)
    together = model(**padded(sequences, "left"), sequence_representations=z).logits
    for row in range(5):
        alone = model(**padded(sequences[row : row + 1], "left"), sequence_representations=z[row : row + 1]).logits
        assert relative_error(together[row], alone[0]) < EXACT


def gpt2() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    shape = {"n_embd": HIDDEN, "n_layer": 1, "n_head": 2, "vocab_size": VOCABULARY, "n_positions": 16}
    quiet = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return GPT2LMHeadModel(GPT2Config(**shape, **quiet, bos_token_id=None, eos_token_id=None)).double().eval()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "settings"),
    [
        (gpt2, {"target_modules": ["c_attn", "c_fc", "c_proj"], "fan_in_fan_out": True}),
        (tiny_model, {"target_modules": ["q_proj", "lm_head"]}),
        (tiny_model, {"target_modules": "all-linear", "rank_pattern": {"q_proj": 4, "down_proj": 16}}),
        (tiny_model, {"target_modules": r".*layers\.1\..*(up|o)_proj"}),
        (tiny_model, {"target_modules": "all-linear", "use_rslora": True}),
    ],
    ids=["Conv1D", "lm_head", "several ranks", "pattern", "rslora"],
)
def test_any_linear_layers_can_be_gated(build: Any, settings: dict[str, Any]) -> None:
    base = build().double()
    untouched = copy.deepcopy(base)
    model = instance_wise(base, config(4), lora(**settings)).double()
    layers = lora_layers(model, "default").values()
    if settings.get("use_rslora"):  # which divides alpha by the root of the rank, while the sum divides by the rank
        for layer in layers:
            layer.lora_alpha["default"] = layer.scaling["default"] * layer.r["default"]
    if "rank_pattern" in settings:
        assert {layer.r["default"] for layer in layers} == {4, 8, 16}
    sequences, z = random_sequences([6, 3]), representations(2, dtype=torch.float64)
    batch = padded(sequences, "right")
    logits = model(**batch, sequence_representations=z).logits
    for row, sequence in enumerate(sequences):
        expected = logits_of_one_sequence(model, untouched, model.gate(z)[row].detach(), sequence)
        assert relative_error(logits[row, : len(sequence)], expected) < EXACT


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 2, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.convolution(x)


@pytest.mark.parametrize(
    ("base", "settings", "message"),
    [
        (tiny_model, {"target_modules": ["q_proj", "embed_tokens"]}, r"embed_tokens: PEFT adapts it as Embedding"),
        (
            Convolutional,
            {"target_modules": ["convolution"], "task_type": None},
            "convolution: PEFT adapts it as Conv2d",
        ),
        (tiny_model, {"use_dora": True}, r"layers\.0\.self_attn\.q_proj: already uses PEFT's DoraLinearVariant"),
        (
            tiny_model,
            {"lora_bias": True, "target_modules": ["q_proj"]},
            r"q_proj: found lora_bias=True, expected False",
        ),
        (tiny_model, {"r": 6}, r"layers\.0\.self_attn\.q_proj: found rank 6, expected a multiple of the 4 experts"),
        (tiny_model, {"r": 2}, r"q_proj: found rank 2, expected a multiple of the 4 experts"),
        (
            tiny_model,
            {"rank_pattern": {"o_proj": 2}},
            r"layers\.0\.self_attn\.o_proj: found rank 2, expected a multiple",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed")
def test_what_cannot_be_gated_is_refused_by_name_and_the_base_model_left_as_it_was(
    base: Any, settings: dict[str, Any], message: str
) -> None:
    model = base()
    names = set(model.state_dict())
    with pytest.raises(ValueError, match=message):
        get_instance_wise_model(model, lora(**settings), config(4))
    assert set(model.state_dict()) == names
    assert not lora_layers(model, "default")


def test_only_layers_whose_merging_asks_the_gate_are_accepted() -> None:
    """PEFT's layer for torchao is a subclass of the plain one, but merges B A without calling the variant."""
    model = plain_lora(tiny_model())
    for layer in lora_layers(model, "default").values():
        layer.__class__ = type("TorchaoLoraLinear", (type(layer),), {})
    with pytest.raises(ValueError, match="adapts it as TorchaoLoraLinear, which cannot be gated"):
        gate_lora_layers(model, ExpertWeights(4, "per_rank"), refuse)


def test_a_model_without_lora_is_refused() -> None:
    with pytest.raises(ValueError, match="no LoRA layer of an adapter named 'default'"):
        gate_lora_layers(OneLayer(4, 4), ExpertWeights(4, "per_rank"), refuse)


class FlattensTokens(nn.Module):
    """A block that routes individual tokens, as in a mixture of experts."""

    def __init__(self) -> None:
        super().__init__()
        self.expert = nn.Linear(HIDDEN, HIDDEN)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.expert(hidden.reshape(-1, HIDDEN)).reshape(hidden.shape)


def test_a_layer_that_does_not_keep_sequences_apart_says_so() -> None:
    base: Any = tiny_model()
    base.model.layers[0].mlp = FlattensTokens()
    model = instance_wise(base, config(4), lora(target_modules=["expert"]))
    with pytest.raises(RuntimeError, match=r"mlp\.expert: .*found \(8, 8\): this layer does not keep sequences apart"):
        model(**padded(random_sequences([4, 4]), "left"), sequence_representations=representations(2))


def forward(model: PeftModel, z: torch.Tensor | None) -> Any:
    return model(**padded(random_sequences([4, 4, 4]), "left"), sequence_representations=z)


def test_representations_that_are_missing_of_another_width_or_not_finite_are_refused() -> None:
    model = instance_wise(tiny_model(), config(4))
    with pytest.raises(ValueError, match="sequence_representations: found None, expected one row for each row"):
        forward(model, None)
    with pytest.raises(ValueError, match=r"expects sequence representations of shape \(batch, 6\), found \(3, 7\)"):
        forward(model, torch.zeros(3, 7))
    z = representations(3)
    z[2, 1] = float("nan")
    with pytest.raises(ValueError, match=r"NaN or infinite in batch rows \[2\]"):
        forward(model, z)


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_representations_of_another_batch_are_refused(rows: int) -> None:
    model = instance_wise(tiny_model(), config(4))
    message = rf"q_proj: found expert weights of {rows} sequences for a batch of 3 rows"
    with pytest.raises(RuntimeError, match=message):
        forward(model, representations(rows))


def test_without_a_gate_no_layer_answers() -> None:
    model = instance_wise(tiny_model(), config(4))
    batch = padded(random_sequences([4]), "left")
    with pytest.raises(RuntimeError, match=r"q_proj: no expert weights are set\. Call the instance-wise model"):
        model.get_base_model()(**batch)
    model(**batch, sequence_representations=representations(1))
    with pytest.raises(RuntimeError, match="no expert weights are set"):
        model.get_base_model()(**batch)
    with pytest.raises(RuntimeError, match="for a batch of 3 rows"):
        forward(model, representations(2))
    with pytest.raises(RuntimeError, match="no expert weights are set"):
        model.get_base_model()(**batch)


def test_expert_weights_of_another_number_of_experts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(rows, 4\), found \(2, 3\)"):
        ExpertWeights(4, "per_rank").set(torch.zeros(2, 3))
