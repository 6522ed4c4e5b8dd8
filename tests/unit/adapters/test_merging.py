"""Merging is refused if each sequence has its own update, and exact if all share one."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from ilora.adapters import InstanceWiseConfig, InstanceWiseLoraConfig
from ilora.adapters.gating import lora_layers
from tiny_models import (
    HIDDEN,
    config,
    instance_wise,
    lora,
    padded,
    random_sequences,
    relative_error,
    representations,
    tiny_model,
)

ROUNDING = 1e-12
CONSTANT = [
    config(4, gate_input="constant"),
    config(4, gate_input="constant", scale="per_rank"),
    config(4, gate_input="constant", gate="top_k"),
    config(1),
    config(1, scale="per_rank"),
]


def model_of(gate: InstanceWiseConfig, **settings: Any) -> PeftModel:
    return instance_wise(tiny_model(dtype=torch.float64), gate, lora(**settings)).double()


def batch() -> dict[str, torch.Tensor]:
    return padded(random_sequences([5, 3]), "left")


@torch.no_grad()
def logits(model: PeftModel) -> torch.Tensor:
    z = representations(2, dtype=torch.float64) if model.gate_config.gate_input == "sequence_representation" else None
    return model(**batch(), sequence_representations=z).logits


def logits_of(model: PeftModel, adapter_name: str) -> torch.Tensor:
    model.set_adapter(adapter_name)
    return logits(model)


@torch.no_grad()
def plain_logits(model: Any) -> torch.Tensor:
    return model(**batch()).logits


def weights_of(model: PeftModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def combine(model: PeftModel, kind: str) -> Any:
    return model.add_weighted_adapter(["default"], [1.0], "combined", combination_type=kind)


WAYS: dict[str, Any] = {
    "merge_and_unload": lambda model: model.merge_and_unload(),
    "PEFT's merge_and_unload": lambda model: model.merge_and_unload(),
    "PEFT's safe merge_and_unload": lambda model: model.merge_and_unload(safe_merge=True),
    "merge_adapter": lambda model: model.merge_adapter(),
    "safe merge_adapter": lambda model: model.merge_adapter(safe_merge=True),
    "add_weighted_adapter": lambda model: combine(model, "svd"),
    "the tuner's add_weighted_adapter": lambda model: model.base_model.add_weighted_adapter(
        ["default"], [1.0], "combined", combination_type="cat"
    ),
    "one layer's merge": lambda model: next(iter(lora_layers(model, "default").values())).merge(),
    "export_plain_lora": lambda model: model.export_plain_lora("nowhere"),
}


@pytest.mark.parametrize("way", WAYS)
def test_refused_when_every_sequence_has_its_own_update_and_nothing_changed(way: str) -> None:
    model = model_of(config(4))
    before, answers = weights_of(model), logits(model)
    with pytest.raises(RuntimeError, match="its own update for each sequence and cannot be merged"):
        WAYS[way](model)
    after = weights_of(model)
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert torch.equal(logits(model), answers)


@pytest.mark.parametrize("gate", CONSTANT, ids=str)
@pytest.mark.parametrize("way", ["merge_and_unload", "PEFT's merge_and_unload", "PEFT's safe merge_and_unload"])
def test_a_constant_gate_merges_exactly(gate: InstanceWiseConfig, way: str) -> None:
    model = model_of(gate)
    expected = logits(model)
    merged = WAYS[way](model)
    assert not lora_layers(merged, "default")
    assert relative_error(plain_logits(merged), expected) < ROUNDING
    assert relative_error(plain_logits(tiny_model(dtype=torch.float64)), expected) > 0.1


@pytest.mark.parametrize("gate", CONSTANT, ids=str)
@pytest.mark.parametrize("safe", [False, True])
def test_a_constant_gate_merges_and_unmerges_exactly(gate: InstanceWiseConfig, safe: bool) -> None:
    model = model_of(gate)
    expected, before = logits(model), weights_of(model)
    model.merge_adapter(safe_merge=safe)
    assert all(layer.merged for layer in lora_layers(model, "default").values())
    assert relative_error(logits(model), expected) < ROUNDING
    assert relative_error(plain_logits(model.get_base_model()), expected) < ROUNDING
    model.unmerge_adapter()
    for name, tensor in weights_of(model).items():
        torch.testing.assert_close(tensor, before[name], rtol=ROUNDING, atol=ROUNDING)
    assert relative_error(logits(model), expected) < ROUNDING


@pytest.mark.parametrize("gate", CONSTANT, ids=str)
@pytest.mark.parametrize("kind", ["cat", "svd", "linear"])
def test_a_constant_gate_can_be_combined_exactly(gate: InstanceWiseConfig, kind: str) -> None:
    model = model_of(gate)
    expected, before = logits(model), weights_of(model)
    combine(model, kind)
    model.set_adapter("combined")
    # PEFT creates the new adapter in float32, whatever the dtype of the others.
    assert relative_error(plain_logits(model), expected) < 1e-6
    model.set_adapter("default")
    assert torch.equal(logits(model), expected)
    after = weights_of(model)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.filterwarnings("ignore:Already following adapters were merged:UserWarning")
@pytest.mark.parametrize("safe", [False, True])
def test_the_adapters_that_are_named_are_merged(safe: bool) -> None:
    def two() -> PeftModel:
        model = model_of(config(4, gate_input="constant"))
        other = InstanceWiseLoraConfig(r=4, target_modules=["q_proj"], instance_wise=config(2, gate_input="constant"))
        model.add_adapter("other", other)
        generator = torch.Generator().manual_seed(5)
        for name, parameter in model.named_parameters():
            if ".other." in name:
                parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        return model.double().eval()

    expected = {name: logits_of(two(), name) for name in ("default", "other")}
    for name in expected:
        merged = two().merge_and_unload(safe_merge=safe, adapter_names=[name])
        assert relative_error(plain_logits(merged), expected[name]) < ROUNDING
    one_after_the_other = two()
    one_after_the_other.merge_adapter(["default"], safe_merge=safe)
    one_after_the_other.merge_adapter(["other"], safe_merge=safe)
    both = plain_logits(two().merge_and_unload(safe_merge=safe, adapter_names=["default", "other"]))
    assert relative_error(plain_logits(one_after_the_other.get_base_model()), both) < ROUNDING
    assert all(relative_error(both, alone) > 1e-3 for alone in expected.values())


def test_merging_reaches_layers_of_several_ranks() -> None:
    model = model_of(config(4, gate_input="constant"), rank_pattern={"q_proj": 4, "down_proj": 16})
    expected = logits(model)
    assert relative_error(plain_logits(model.merge_and_unload()), expected) < ROUNDING


@pytest.mark.parametrize("scale", ["per_expert_rank", "per_rank"])
@pytest.mark.parametrize("ranks", [{}, {"q_proj": 4, "down_proj": 16}])
def test_an_exported_lora_is_the_model_of_its_expert_weights(scale: str, ranks: dict[str, int], tmp_path: Path) -> None:
    model = model_of(config(4, scale=scale), rank_pattern=ranks)
    before, z = weights_of(model), representations(2, dtype=torch.float64)
    omega = model.gate(z).detach()
    for row in range(2):
        model.export_plain_lora(tmp_path / str(row), omega[row])
        plain = PeftModel.from_pretrained(tiny_model(dtype=torch.float64), str(tmp_path / str(row)))
        found = plain_logits(plain)
        with torch.no_grad():
            expected = model(**batch(), sequence_representations=z[row : row + 1].expand(2, -1)).logits
        assert relative_error(found, expected) < ROUNDING
        assert relative_error(found, logits(model)) > 1e-3
    after = weights_of(model)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("gate", CONSTANT, ids=str)
def test_a_constant_gate_exports_itself(gate: InstanceWiseConfig, tmp_path: Path) -> None:
    model = model_of(gate)
    model.export_plain_lora(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    plain = PeftModel.from_pretrained(tiny_model(dtype=torch.float64), str(tmp_path))
    assert relative_error(plain_logits(plain), logits(model)) < ROUNDING


def test_an_export_needs_one_weight_for_each_expert(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"omega: found shape \(1, 4\), expected \(4,\)"):
        model_of(config(4)).export_plain_lora(tmp_path / "new", torch.ones(1, 4))
    assert not (tmp_path / "new").exists()


def test_a_copy_is_merged_without_the_original() -> None:
    model = model_of(config(4, gate_input="constant"))
    expected, before = logits(model), weights_of(model)
    duplicate = copy.deepcopy(model)
    torch.nn.init.zeros_(duplicate.gate.projection.weight)
    uniform = logits(duplicate)
    assert relative_error(uniform, expected) > 1e-3
    assert relative_error(plain_logits(duplicate.merge_and_unload()), uniform) < ROUNDING
    assert all(torch.equal(weights_of(model)[name], tensor) for name, tensor in before.items())
    assert torch.equal(logits(model), expected)


def test_pefts_own_conversion_does_not_take_a_gated_layer_for_a_plain_one() -> None:
    model = model_of(config(4))
    assert not model.supports_lora_conversion()
    assert next(iter(lora_layers(model, "default").values())).in_features == HIDDEN
