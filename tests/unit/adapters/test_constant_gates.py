"""A constant gate needs no inputs, and so works with every model and call that LoRA works with."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model, inject_adapter_in_model
from torch import nn
from transformers import OPTConfig, OPTForCausalLM

from ilora.adapters import InstanceWiseConfig, InstanceWiseLoraConfig
from ilora.adapters.expert_weights import ExpertWeights
from tiny_models import config, instance_wise, lora, padded, random_sequences, randomise, representations, tiny_model


class Perceptron(nn.Module):
    """A model of (rows, width) inputs, without tokens, with an argument named X."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(8, 3)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.second(torch.relu(self.first(X)))
        return logits


def constant_lora(experts: int = 4, target: str | list[str] = "second") -> InstanceWiseLoraConfig:
    gate = InstanceWiseConfig(experts=experts, width=1, gate_input="constant")
    return InstanceWiseLoraConfig(r=8, lora_alpha=16, target_modules=target, instance_wise=gate)


def adapted(experts: int = 4) -> PeftModel:
    model = get_peft_model(Perceptron(), constant_lora(experts))
    randomise(model)
    nn.init.normal_(model.gate.projection.weight, std=2.0)
    assert type(model) is PeftModel
    return model.eval()


@pytest.mark.parametrize("experts", [1, 4])
@torch.no_grad()
def test_a_constant_gate_adapts_a_model_of_its_own_kind(experts: int) -> None:
    model, base, x = adapted(experts), Perceptron(), torch.randn(5, 6)
    layer: Any = model.get_base_model().second
    omega = model.gate(torch.ones(1, 1))[0] if experts > 1 else torch.ones(1)
    size = 8 // experts
    update = sum(
        omega[k]
        * layer.lora_B["default"].weight[:, k * size : (k + 1) * size]
        @ layer.lora_A["default"].weight[k * size : (k + 1) * size]
        for k in range(experts)
    )
    # alpha / (r/K)
    base.second.weight += 16 / size * update
    torch.testing.assert_close(model(x), base(x))
    torch.testing.assert_close(model(X=x), base(x))
    torch.testing.assert_close(model.base_model(x), base(x))


@torch.no_grad()
def test_such_a_model_is_saved_and_loaded(tmp_path: Path) -> None:
    model, x = adapted(), torch.randn(5, 6)
    model.save_pretrained(str(tmp_path))
    loaded = PeftModel.from_pretrained(Perceptron(), str(tmp_path)).eval()
    assert torch.equal(loaded(x), model(x))
    with loaded.disable_adapter():
        assert torch.equal(loaded(x), Perceptron()(x))


def test_its_gate_is_trained_and_its_load_seen() -> None:
    model = adapted().train()
    model(torch.randn(5, 6)).square().sum().backward()
    assert model.gate.projection.weight.grad.abs().sum() > 0
    assert model.load.read() is not None


def test_a_constant_gate_adapts_layers_that_get_all_tokens_in_one_dimension() -> None:
    sizes: dict[str, Any] = {"hidden_size": 16, "word_embed_proj_dim": 16, "ffn_dim": 32, "num_hidden_layers": 1}
    base = OPTForCausalLM(OPTConfig(vocab_size=40, num_attention_heads=2, max_position_embeddings=32, **sizes))
    ids = torch.tensor([[3, 4, 5]])
    before = base(input_ids=ids).logits
    model = get_peft_model(base, constant_lora(target=["fc1", "fc2"]))
    randomise(model)
    assert not torch.allclose(model(input_ids=ids).logits, before)


@torch.no_grad()
def test_rows_with_a_constant_gate_stand_beside_rows_with_another() -> None:
    model = instance_wise(tiny_model(), config(4), lora()).eval()
    model.add_adapter("same", constant_lora(target="all-linear"))
    randomise(model)
    batch, z = padded(random_sequences([4, 4]), "left"), representations(2)
    mixed = model(**batch, sequence_representations=z, adapter_names=["default", "same"]).logits
    torch.testing.assert_close(mixed[:1], model(**batch, sequence_representations=z).logits[:1])
    model.set_adapter("same")
    torch.testing.assert_close(mixed[1:], model(**batch).logits[1:])


@torch.no_grad()
def test_inputs_by_place_are_inputs_by_name() -> None:
    model = instance_wise(tiny_model(), config(4))
    batch, z = padded(random_sequences([5, 3]), "right"), representations(2)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    by_name = model.base_model(input_ids=ids, attention_mask=mask, sequence_representations=z).logits
    assert torch.equal(model.base_model(ids, mask, sequence_representations=z).logits, by_name)


@torch.no_grad()
def test_without_an_active_adapter_it_is_the_base_model() -> None:
    model, x = adapted(), torch.randn(5, 6)
    model.delete_adapter("default")
    assert torch.equal(model.base_model(x), Perceptron()(x))


def test_a_gate_is_not_trained_while_its_adapter_is_disabled() -> None:
    model = adapted()
    with model.disable_adapter():
        assert not any(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.requires_grad for parameter in model.gate.parameters())
    model.gate.requires_grad_(False)
    with model.disable_adapter():
        pass
    assert not any(parameter.requires_grad for parameter in model.gate.parameters())


@torch.no_grad()
def test_adapters_are_combined_into_fewer_ranks_than_were_asked_for() -> None:
    model, x = adapted(), torch.randn(5, 6)
    expected = model(x)
    # The adapted layer is 3 wide.
    model.add_weighted_adapter(["default"], [1.0], "combined", combination_type="svd", svd_rank=6)
    model.set_adapter("combined")
    torch.testing.assert_close(model(x), expected)


def test_a_layer_of_another_rank_than_was_gated_is_named() -> None:
    weights = ExpertWeights(2, "per_rank")
    weights.ranks.add(4)
    weights.set(torch.ones(1, 2))
    with pytest.raises(RuntimeError, match=r"q: found an activation of rank 6, expected one of \[4\]"):
        weights.factors_for(torch.zeros(1, 3, 6), "q")


def test_an_adapter_without_its_tuner_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="uses shared state .* use `get_peft_model`"):
        inject_adapter_in_model(constant_lora(), Perceptron())
