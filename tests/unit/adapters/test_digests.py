"""Changed or swapped files of an adapter, loaded by PEFT itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from ilora.adapters import InstanceWiseLoraConfig, storage
from ilora.adapters.digests import DIGESTS
from tiny_models import answer, config, instance_wise, lora, tiny_model

WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"


def trained(seed: int = 1, **gate: Any) -> PeftModel:
    return instance_wise(tiny_model(), config(4, **gate), lora(target_modules=["q_proj", "down_proj"]), seed=seed)


@pytest.fixture(params=["PEFT", "workflow"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An adapter written by PEFT or by the workflow."""
    folder = tmp_path / "adapter"
    trained().save_pretrained(str(folder)) if request.param == "PEFT" else storage.write_adapter(trained(), folder)
    return folder


def from_pretrained(folder: Path) -> None:
    PeftModel.from_pretrained(tiny_model(), str(folder))


def with_config(folder: Path) -> None:
    PeftModel.from_pretrained(tiny_model(), str(folder), config=PeftConfig.from_pretrained(str(folder)))


def load_adapter(folder: Path) -> None:
    trained(seed=2).load_adapter(str(folder), "other")


def into_the_same(folder: Path) -> None:
    """Load as a resuming transformers Trainer does, with the settings in memory."""
    trained(seed=2).load_adapter(str(folder), "default")


WAYS: list[Callable[[Path], None]] = [from_pretrained, with_config, load_adapter, into_the_same]


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-100] ^= 1  # the digests come last
    (folder / WEIGHTS).write_bytes(content)


def another_gate(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    weights["base_model.gate.projection.weight"] = trained(seed=3).gate.projection.weight.detach()
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize("damage", [flip_a_byte, another_gate])
@pytest.mark.parametrize("load", WAYS)
def test_other_weights_are_refused(folder: Path, damage: Callable[[Path], None], load: Callable[[Path], None]) -> None:
    load(folder)
    damage(folder)
    with pytest.raises(ValueError, match=r"adapter_model\.safetensors of the adapter .*damaged or was altered.*Copy"):
        load(folder)


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content["instance_wise"].update(scale="per_rank"),
        lambda content: content["instance_wise"].update(gate_input="shuffled"),
        lambda content: content.update(lora_alpha=32),
        lambda content: content.update(use_rslora=True),
    ],
    ids=["scale", "gate_input", "lora_alpha", "use_rslora"],
)
@pytest.mark.parametrize("load", [from_pretrained, with_config, load_adapter])
def test_other_settings_are_refused(folder: Path, edit: Callable[[Any], None], load: Callable[[Path], None]) -> None:
    content = json.loads((folder / SETTINGS).read_text())
    edit(content)
    (folder / SETTINGS).write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=r"adapter_config\.json of the adapter .*settings that differ from .*Copy both"
    ):
        load(folder)


@pytest.mark.parametrize("name", [WEIGHTS, SETTINGS])
def test_a_file_of_another_adapter_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    other = trained(seed=2, scale="per_rank")
    other.save_pretrained(str(tmp_path / "other"))
    shutil.copy(tmp_path / "other" / name, folder)
    with pytest.raises(ValueError, match="settings that differ from those its weights were saved with"):
        from_pretrained(folder)


def test_the_workflow_refuses_other_settings_too(folder: Path) -> None:
    content = json.loads((folder / SETTINGS).read_text())
    content["instance_wise"]["scale"] = "per_rank"
    (folder / SETTINGS).write_text(json.dumps(content))
    with pytest.raises(ValueError, match="settings that differ from those its weights were saved with"):
        storage.read_gate(folder)


def test_what_decides_no_answer_may_be_edited(folder: Path) -> None:
    content = json.loads((folder / SETTINGS).read_text())
    content.update(base_model_name_or_path="elsewhere", lora_dropout=0.5, inference_mode=False)
    del content["corda_config"], content["eva_config"]
    (folder / SETTINGS).write_text(json.dumps(content))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(folder))), answer(trained()))


def test_it_is_trained_saved_and_loaded_again(folder: Path, tmp_path: Path) -> None:
    model = PeftModel.from_pretrained(tiny_model(), str(folder), is_trainable=True)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    expected = answer(model)
    for target in (folder, tmp_path / "elsewhere"):
        model.save_pretrained(str(target))
        assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(target))), expected)


def test_states_in_memory_have_no_digests_and_may_be_changed(folder: Path) -> None:
    model = PeftModel.from_pretrained(tiny_model(), str(folder))
    state = get_peft_model_state_dict(model)
    assert DIGESTS not in state
    other = get_peft_model(tiny_model(), InstanceWiseLoraConfig.from_pretrained(folder))
    set_peft_model_state_dict(other, {name: 0.5 * tensor for name, tensor in state.items()})
    set_peft_model_state_dict(other, state)
    assert torch.equal(answer(other.eval()), answer(model))


def test_tensors_of_the_file_are_put_into_a_model_by_hand(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    other = trained(seed=2)
    set_peft_model_state_dict(other, weights)
    assert torch.equal(answer(other), answer(trained()))
    scaled = trained(seed=2, scale="per_rank")
    with pytest.raises(ValueError, match="To use these weights with other settings"):
        set_peft_model_state_dict(scaled, weights)
    del weights[DIGESTS]
    set_peft_model_state_dict(scaled, weights)


def test_folders_without_digests_are_loaded(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights[DIGESTS]
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    content = json.loads((folder / SETTINGS).read_text())
    content["peft_type"] = "ILORA"
    (folder / SETTINGS).write_text(json.dumps(content))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(folder))), answer(trained()))


def test_a_pickle_of_the_weights_has_none(tmp_path: Path) -> None:
    trained().save_pretrained(str(tmp_path), safe_serialization=False)
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path))), answer(trained()))


def test_settings_that_are_saved_alone_belong_to_the_weights_beside_them(folder: Path) -> None:
    settings = InstanceWiseLoraConfig.from_pretrained(folder)
    settings.lora_alpha = 8
    settings.save_pretrained(str(folder))
    assert not torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(folder))), answer(trained()))
    flip_a_byte(folder)
    with pytest.raises(ValueError, match=r"adapter_model\.safetensors: found weights that do not match their digest"):
        settings.save_pretrained(str(folder))


def test_settings_that_are_saved_into_a_folder_of_other_weights_leave_them(tmp_path: Path) -> None:
    save_file({"base_model.model.layer.lora_A.weight": torch.ones(2)}, tmp_path / WEIGHTS)
    before = (tmp_path / WEIGHTS).read_bytes()
    trained().peft_config["default"].save_pretrained(str(tmp_path))
    assert (tmp_path / WEIGHTS).read_bytes() == before
