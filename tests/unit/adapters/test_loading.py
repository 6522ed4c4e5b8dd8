"""Creating, loading and saving adapters through the APIs of PEFT and accelerate."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator, cpu_offload, disk_offload
from peft import PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ilora.adapters import InstanceWiseLoraConfig
from ilora.adapters.expert_weights import ExpertWeights
from tiny_models import (
    answer,
    config,
    instance_wise,
    lora,
    padded,
    random_sequences,
    randomise,
    representations,
    tiny_model,
)

MODULES = ["q_proj", "down_proj"]


def settings(**values: Any) -> InstanceWiseLoraConfig:
    return InstanceWiseLoraConfig(**{"r": 8, "target_modules": MODULES, **values}, instance_wise=config(4))


def trained(**model: Any) -> PeftModel:
    return instance_wise(tiny_model(**model), config(4), lora(target_modules=MODULES))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter of the tiny Llama."""
    trained().save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "adapter"


def dtypes(model: PeftModel, part: str) -> set[torch.dtype]:
    return {tensor.dtype for name, tensor in model.state_dict().items() if part in name and tensor.is_floating_point()}


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_lora_is_cast_as_peft_does_and_the_gate_is_not(
    folder: Path, tmp_path: Path, autocast: bool, dtype: torch.dtype
) -> None:
    expected = torch.float32 if autocast else dtype
    made = get_peft_model(tiny_model(dtype=dtype), settings(), autocast_adapter_dtype=autocast)
    loaded = PeftModel.from_pretrained(tiny_model(dtype=dtype), str(folder), autocast_adapter_dtype=autocast)
    loaded.load_adapter(str(folder), "other", autocast_adapter_dtype=autocast)
    for model in (made, loaded):
        assert dtypes(model, "lora_") == {expected}
        assert dtypes(model, "gates.") == {torch.float32}
        assert torch.isfinite(answer(model)).all()
    loaded.save_pretrained(str(tmp_path / "again"))
    again = PeftModel.from_pretrained(tiny_model(dtype=dtype), str(tmp_path / "again"), autocast_adapter_dtype=autocast)
    assert torch.equal(answer(again), answer(loaded))


def test_a_model_made_without_memory_takes_weights_and_is_trained() -> None:
    donor = trained()
    model = get_peft_model(tiny_model(), settings(lora_alpha=16), low_cpu_mem_usage=True)
    wanted = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all(parameter.is_meta for name, parameter in model.named_parameters() if name in wanted)
    set_peft_model_state_dict(model, get_peft_model_state_dict(donor), low_cpu_mem_usage=True)
    assert torch.equal(answer(model.eval()), answer(donor))
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == wanted
    assert not any(tensor.is_meta for tensor in model.state_dict().values())


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("trainable", [False, True])
def test_an_adapter_is_loaded_to_be_trained_or_not(folder: Path, low: bool, trainable: bool) -> None:
    model = PeftModel.from_pretrained(tiny_model(), str(folder), is_trainable=trainable, low_cpu_mem_usage=low)
    model.load_adapter(str(folder), "other", is_trainable=trainable, low_cpu_mem_usage=low)
    trained_names = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    names = {name for name, _ in model.named_parameters() if "lora_" in name or "gates." in name}
    assert trained_names == (names if trainable else set())
    assert not any(tensor.is_meta for tensor in model.state_dict().values())
    model.set_adapter("other")
    assert torch.equal(answer(model.eval()), answer(trained()))


@pytest.mark.parametrize(
    "options", [{"torch_device": "cpu"}, {"device_map": "cpu"}, {"device_map": {"": "cpu"}}], ids=str
)
def test_where_it_is_loaded_can_be_said(folder: Path, options: dict[str, Any]) -> None:
    model = PeftModel.from_pretrained(tiny_model(), str(folder), **options)
    assert torch.equal(answer(model), answer(trained()))


def test_settings_that_were_read_before_are_used(folder: Path) -> None:
    read = PeftConfig.from_pretrained(str(folder))
    read.lora_dropout = 0.25
    model = PeftModel.from_pretrained(tiny_model(), str(folder), config=read, is_trainable=True)
    assert {type(m) for n, m in model.named_modules() if n.endswith("lora_dropout.default")} == {torch.nn.Dropout}
    assert torch.equal(answer(model.eval()), answer(trained()))
    assert any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("mapping", ["cpu", "auto", {"": "cpu"}], ids=str)
def test_a_base_model_with_a_device_map_takes_it(folder: Path, tmp_path: Path, mapping: Any) -> None:
    tiny_model().save_pretrained(str(tmp_path / "base"))
    base = AutoModelForCausalLM.from_pretrained(str(tmp_path / "base"), device_map=mapping)
    model = PeftModel.from_pretrained(base, str(folder), device_map=mapping)
    assert torch.equal(answer(model), answer(trained()))


@pytest.mark.parametrize("offload", ["cpu", "disk"])
def test_a_gate_is_made_where_offloaded_weights_are_computed_with(tmp_path: Path, offload: str) -> None:
    base = tiny_model()
    if offload == "cpu":
        cpu_offload(base, torch.device("cpu"))
    else:
        disk_offload(base, str(tmp_path), torch.device("cpu"))
    model = get_peft_model(base, settings())
    assert {tensor.device.type for tensor in model.gate.state_dict().values()} == {"cpu"}


def test_factors_follow_the_layers_to_their_devices() -> None:
    weights = ExpertWeights(4, "per_rank")
    weights.ranks.add(8)
    weights.set(torch.full((2, 4), 0.25))
    found = weights.factors_for(torch.empty(2, 3, 8, device="meta", dtype=torch.bfloat16), "layer")
    assert (found.device.type, found.dtype) == ("meta", torch.bfloat16)


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")
@pytest.mark.filterwarnings("ignore:.*ensure_weight_tying:UserWarning")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
        {"modules_to_save": ["lm_head"]},
        {"trainable_token_indices": [1, 2], "ensure_weight_tying": True},
        {"trainable_token_indices": [1, 2]},
    ],
    ids=lambda values: "-".join(values),
)
def test_what_is_trained_beside_lora_survives_the_disk(values: dict[str, Any], tied: bool, tmp_path: Path) -> None:
    model = get_peft_model(tiny_model(tie_word_embeddings=tied), settings(**copy.deepcopy(values)))
    randomise(model)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    expected = answer(model.eval())
    model.save_pretrained(str(tmp_path))
    loaded = PeftModel.from_pretrained(tiny_model(tie_word_embeddings=tied), str(tmp_path))
    assert torch.equal(answer(loaded), expected)


@pytest.mark.parametrize("tied", [False, True])
def test_a_vocabulary_that_was_resized_and_trained_survives_the_disk(tied: bool, tmp_path: Path) -> None:
    tiny_model(tie_word_embeddings=tied).save_pretrained(str(tmp_path / "base"))
    base: Any = AutoModelForCausalLM.from_pretrained(str(tmp_path / "base"))
    torch.manual_seed(4)
    base.resize_token_embeddings(44, mean_resizing=False)
    model = instance_wise(base, config(4), lora(target_modules=MODULES))
    expected = answer(model)
    with pytest.warns(UserWarning, match="embedding layer has been resized"):
        model.save_pretrained(str(tmp_path / "adapter"))
    again: Any = AutoModelForCausalLM.from_pretrained(str(tmp_path / "base"))
    torch.manual_seed(5)
    again.resize_token_embeddings(44, mean_resizing=False)
    assert not torch.equal(again.lm_head.weight, base.lm_head.weight)
    loaded = PeftModel.from_pretrained(again, str(tmp_path / "adapter"))
    assert answer(loaded).shape[-1] == 44
    assert torch.equal(answer(loaded), expected)


def test_accelerates_standard_call_saves_the_adapter(tmp_path: Path) -> None:
    accelerator = Accelerator(cpu=True)
    model = accelerator.prepare(trained())
    accelerator.unwrap_model(model).save_pretrained(
        str(tmp_path),
        is_main_process=accelerator.is_main_process,
        save_function=accelerator.save,
        state_dict=accelerator.get_state_dict(model),
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path))), answer(trained()))


def test_another_process_than_the_main_one_writes_nothing(tmp_path: Path) -> None:
    trained().save_pretrained(str(tmp_path / "adapter"), is_main_process=False)
    assert not list((tmp_path / "adapter").iterdir())


def test_a_state_that_is_given_is_saved(tmp_path: Path) -> None:
    model = trained()
    state = {name: 2 * tensor if "lora_B" in name else tensor for name, tensor in model.state_dict().items()}
    model.save_pretrained(str(tmp_path), state_dict=state)
    saved, own = load_file(tmp_path / "adapter_model.safetensors"), get_peft_model_state_dict(model)
    assert all(torch.equal(saved[name], 2 * tensor) for name, tensor in own.items() if ".ilora_B." in name)
    PeftModel.from_pretrained(tiny_model(), str(tmp_path))


def test_inputs_can_be_made_to_need_gradients_for_a_frozen_embedding() -> None:
    model = trained().train()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    batch = padded(random_sequences([5, 3]), "left")
    assert not model(**batch, sequence_representations=representations(2)).logits.requires_grad
    model.enable_input_require_grads()
    assert model(**batch, sequence_representations=representations(2)).logits.requires_grad
    model.disable_input_require_grads()
    assert not model(**batch, sequence_representations=representations(2)).logits.requires_grad


def test_unloading_gives_the_base_model_back() -> None:
    model = trained()
    base = model.unload()
    assert type(base) is type(tiny_model())
    expected = tiny_model().state_dict()
    assert base.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in base.state_dict().items())
    batch = padded(random_sequences([5, 3]), "left")
    assert torch.equal(base(**batch).logits, tiny_model()(**batch).logits)


@pytest.mark.parametrize("load", [PeftModel.from_pretrained, None])
def test_without_this_package_peft_names_it(folder: Path, load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PEFT's table without this package imported."""
    for key in [key for key in PEFT_TYPE_TO_CONFIG_MAPPING if "ILORA" in key]:
        monkeypatch.delitem(PEFT_TYPE_TO_CONFIG_MAPPING, key)
    with pytest.raises(KeyError, match="ILORA: import ilora.adapters first"):
        PeftConfig.from_pretrained(str(folder)) if load is None else load(tiny_model(), str(folder))
