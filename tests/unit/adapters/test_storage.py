"""Adapters on disk."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftConfig, PeftModel
from torch import nn

from ilora.adapters import InstanceWiseConfig, InstanceWiseLoraConfig, get_instance_wise_model, storage
from ilora.adapters.digests import DIGESTS
from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.tensors import read_tensors, write_tensors
from tiny_models import (
    answer,
    config,
    instance_wise,
    lora,
    padded,
    plain_lora,
    random_sequences,
    representations,
    tiny_model,
)

FILES = {"adapter_config.json", "adapter_model.safetensors"}


def trained(gate: InstanceWiseConfig | None = None, kind: str = "llama", **settings: Any) -> PeftModel:
    """Return a model in which every saved tensor differs from its initial value."""
    model = instance_wise(tiny_model(kind), gate or config(4), lora(**settings))
    if model.gate_config.gate_input == "sequence_representation":
        model.gate.fit(3 * representations(20, seed=5) + 1)
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter of K = 4 for the tiny Llama."""
    trained().save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "adapter"


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_survive_the_disk_bit_for_bit(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = instance_wise(tiny_model(kind, dtype=dtype), config(4))
    model.gate.standardisation.fit(3 * representations(20, seed=5) + 1)
    model.save_pretrained(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"README.md"}
    again = PeftModel.from_pretrained(tiny_model(kind, dtype=dtype), str(tmp_path))
    assert torch.equal(answer(again), answer(model))
    assert again.gate_config == model.gate_config


@pytest.mark.parametrize(
    "gate",
    [
        config(2, scale="per_rank"),
        config(4, gate="top_k"),
        config(4, gate="residual_convolution"),
        config(4, gate_input="token_collapsed"),
        config(4, gate_input="constant"),
        config(1),
    ],
    ids=str,
)
def test_every_gate_survives_the_disk(gate: InstanceWiseConfig, tmp_path: Path) -> None:
    model = trained(gate, rank_pattern={"q_proj": 4, "down_proj": 16})
    if gate.gate == "residual_convolution":
        model.train()
        answer(model)  # sets the statistics of batch normalisation
        model.eval()
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(tiny_model(), str(tmp_path))
    assert torch.equal(answer(again), answer(model))
    assert again.gate_config == gate
    read, read_config = storage.read_gate(tmp_path)
    z = torch.randn(3, gate.width, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read(z), model.gate(z))
    assert (read_config, read.training) == (gate, False)


def test_double_precision_survives_the_disk(tmp_path: Path) -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(4)).double()
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(tiny_model(dtype=torch.float64), str(tmp_path))
    assert torch.equal(answer(again), answer(model))


def test_the_same_adapter_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    trained().save_pretrained(str(tmp_path / "again"))
    PeftModel.from_pretrained(tiny_model(), str(folder)).save_pretrained(str(tmp_path / "loaded"))
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "loaded" / name).read_bytes() == (folder / name).read_bytes()


def test_a_loaded_adapter_is_frozen_unless_it_is_to_be_trained_on(folder: Path) -> None:
    frozen = PeftModel.from_pretrained(tiny_model(), str(folder))
    assert not frozen.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    model = PeftModel.from_pretrained(tiny_model(), str(folder), is_trainable=True)
    fresh = get_instance_wise_model(tiny_model(), lora(), config(4))
    wanted = {name for name, parameter in fresh.named_parameters() if parameter.requires_grad}
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == wanted
    model.train()
    answer_loss = model(**padded(random_sequences([5, 3]), "left"), sequence_representations=representations(2)).logits
    answer_loss.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.requires_grad)


def test_other_trained_modules_are_kept(tmp_path: Path) -> None:
    model = instance_wise(tiny_model(), config(4), lora(target_modules=["q_proj"], modules_to_save=["lm_head"]))
    inner: Any = model.get_base_model()
    nn.init.normal_(inner.get_output_embeddings().weight)
    model.save_pretrained(str(tmp_path))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path))), answer(model))


def test_it_is_saved_whichever_adapter_is_active(folder: Path, tmp_path: Path) -> None:
    gate = config(4, gate_input="constant")
    model = trained(gate)
    expected = answer(model)
    model.add_weighted_adapter(["default"], [0.5], "halved", combination_type="cat")
    model.set_adapter("halved")
    model.save_pretrained(str(tmp_path / "constant"))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path / "constant"))), expected)


def test_a_merged_adapter_is_saved_as_it_was(tmp_path: Path) -> None:
    model = trained(config(4, gate_input="constant"))
    expected = answer(model)
    model.merge_adapter()
    model.save_pretrained(str(tmp_path))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path))), expected)


def edit_config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "adapter_config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1))


def test_settings_laid_out_otherwise_are_the_same(folder: Path) -> None:
    edit_config(folder, lambda content: None)
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(folder))), answer(trained()))


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (config(2), r"projection\.weight has shape \(4, 6\), expected \(2, 6\)"),
        (config(4, width=5), r"has shape \(6,\), expected \(5,\)"),
        (config(4, gate="residual_convolution"), "do not fit the model: .* tensors missing"),
    ],
)
def test_state_of_another_gate_does_not_fit_a_model(folder: Path, gate: InstanceWiseConfig, message: str) -> None:
    model = instance_wise(tiny_model(), gate)
    with pytest.raises(ValueError, match=message):
        path = folder / storage.LORA_FILE
        storage.load_weights(model, read_tensors(path), path)


@pytest.mark.parametrize(
    "settings", [{"r": 16}, {"target_modules": ["q_proj"]}, {"rank_pattern": {"q_proj": 4}}], ids=str
)
def test_state_of_another_lora_does_not_fit_a_model(folder: Path, settings: dict[str, Any]) -> None:
    model = instance_wise(tiny_model(), config(4), lora(**settings))
    with pytest.raises(ValueError, match="the saved weights do not fit the model"):
        path = folder / storage.LORA_FILE
        storage.load_weights(model, read_tensors(path), path)


def other_layer() -> nn.Module:
    """The embedding is unchanged, as after a merge, or after tuning that did not train it."""
    base: Any = tiny_model()
    nn.init.normal_(base.model.layers[1].mlp.up_proj.weight)
    return base


def fewer_layers() -> nn.Module:
    base: Any = tiny_model()
    del base.model.layers[1]
    return base


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (lambda: tiny_model(seed=1), "made for another base model: the input embedding differs"),
        (other_layer, r"another base model: model\.layers\.1\.mlp\.up_proj differs"),
        (lambda: tiny_model("mistral"), "was made for a llama model, found a mistral model"),
        (lambda: tiny_model("qwen2"), "was made for a llama model, found a qwen2 model"),
        (lambda: tiny_model(hidden_size=32), "another base model: the input embedding differs"),
        (fewer_layers, r"another base model: model\.layers\.1\.\S+ differs"),
    ],
    ids=["other weights", "one other layer", "other type", "other type too", "other width", "fewer layers"],
)
def test_another_base_model_is_refused_and_left_as_it_was(
    folder: Path, base: Callable[[], nn.Module], message: str
) -> None:
    model = base()
    names = set(model.state_dict())
    with pytest.raises(ValueError, match=message):
        PeftModel.from_pretrained(model, str(folder))
    assert set(model.state_dict()) == names


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_base_model_in_half_precision_is_the_same_one(folder: Path, dtype: torch.dtype, tmp_path: Path) -> None:
    model = PeftModel.from_pretrained(tiny_model(dtype=dtype), str(folder))
    assert torch.isfinite(answer(model)).all()
    model.save_pretrained(str(tmp_path))
    PeftModel.from_pretrained(tiny_model(), str(tmp_path))


def test_a_later_format_is_refused(folder: Path) -> None:
    edit_config(folder, lambda content: content["instance_wise"].update(format_version=2))
    with pytest.raises(ValueError, match=r"adapter_config\.json: found format version 2, expected 1"):
        PeftModel.from_pretrained(tiny_model(), str(folder))


def test_a_plain_lora_is_no_instance_wise_adapter(tmp_path: Path) -> None:
    plain_lora(tiny_model()).save_pretrained(str(tmp_path))
    with pytest.raises(ValueError, match="found an adapter of type LORA, expected ILORA"):
        storage.read_gate(tmp_path)


def earlier_folder(folder: Path, model: PeftModel, names: Mapping[str, str] = {}) -> None:
    """Write a folder as earlier versions did: plain LoRA names, and the gate in a separate file with two digests."""
    model.save_pretrained(str(folder))
    content = json.loads((folder / "adapter_config.json").read_text())
    base = content.pop("base")
    del base["input_embedding_values"]
    inner: Any = model.get_base_model()
    weight = inner.get_input_embeddings().weight.detach().flatten().double()
    base["input_embedding"] = weight[[(2 * place + 1) * len(weight) // 16 for place in range(8)]].tolist()
    section = {names.get(name, name): value for name, value in content["instance_wise"].items()}
    content["instance_wise"] = section | {"format_version": 1, "base": base}
    (folder / "adapter_config.json").write_text(json.dumps(content))
    saved = read_tensors(folder / "adapter_model.safetensors")
    del saved[DIGESTS]
    lora_weights = {name.replace("ilora_", "lora_"): saved[name] for name in saved if ".gate." not in name}
    write_tensors(lora_weights, folder / "adapter_model.safetensors")
    gate = {name.removeprefix("base_model.gate."): saved[name] for name in saved if ".gate." in name}
    digests = {
        "adapter_model.safetensors": sha256_of(folder / "adapter_model.safetensors"),
        "adapter_config.json": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
    }
    write_tensors(gate, folder / "gate.safetensors", digests)


@pytest.mark.parametrize("names", [{}, {"gate_input": "guidance"}], ids=["", "guidance"])
def test_a_folder_of_an_earlier_version_is_loaded(names: dict[str, str], tmp_path: Path) -> None:
    model = trained()
    earlier_folder(tmp_path, model, names)
    loaded = PeftModel.from_pretrained(tiny_model(), str(tmp_path))
    assert loaded.gate_config == model.gate_config
    assert torch.equal(answer(loaded), answer(model))
    added = trained(config(2))
    added.load_adapter(str(tmp_path), "earlier")
    added.set_adapter("earlier")
    assert torch.equal(answer(added), answer(model))
    z = representations(3)
    assert torch.equal(storage.read_gate(tmp_path)[0](z), model.gate(z))
    loaded.save_pretrained(str(tmp_path / "now"))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path / "now"))), answer(model))


def test_the_gate_of_another_adapter_in_an_earlier_folder_is_refused(tmp_path: Path) -> None:
    earlier_folder(tmp_path / "one", trained())
    earlier_folder(tmp_path / "other", instance_wise(tiny_model(), config(4), seed=2))
    shutil.copy(tmp_path / "other" / "gate.safetensors", tmp_path / "one")
    with pytest.raises(ValueError, match=r"gate\.safetensors: found the gate of another adapter"):
        PeftModel.from_pretrained(tiny_model(), str(tmp_path / "one"))
    (tmp_path / "one" / "gate.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="An instance-wise adapter cannot be loaded without its gate"):
        PeftModel.from_pretrained(tiny_model(), str(tmp_path / "one"))


@pytest.mark.parametrize("is_earlier_folder", [False, True])
def test_the_residual_gate_of_earlier_versions_is_refused(is_earlier_folder: bool, tmp_path: Path) -> None:
    """An earlier gate of this name was a different network: its shortcuts had weights, and it standardised z."""
    model = trained(config(4, gate="residual_convolution"))
    shortcut = torch.nn.Sequential(torch.nn.Conv1d(16, 32, 1, bias=False), torch.nn.BatchNorm1d(32))
    model.gate.get_submodule("blocks.3").shortcut = shortcut
    model.save_pretrained(str(tmp_path))
    if is_earlier_folder:
        earlier_folder(tmp_path, model)
    message = r"do not fit the model: 0 tensors missing \[\], 6 unexpected \['[a-z_.]*blocks\.3\.shortcut\.0\.weight'"
    with pytest.raises(ValueError, match=message):
        PeftModel.from_pretrained(tiny_model(), str(tmp_path))
    with pytest.raises(ValueError, match=message):
        storage.read_gate(tmp_path)


def test_an_earlier_folder_is_trained_on_and_takes_other_gates(tmp_path: Path) -> None:
    earlier_folder(tmp_path, trained())
    loaded = PeftModel.from_pretrained(tiny_model(), str(tmp_path), is_trainable=True)
    other = instance_wise(tiny_model(), config(4), seed=2)
    other.save_pretrained(str(tmp_path / "checkpoint"))
    loaded.load_adapter(str(tmp_path / "checkpoint"), "default", is_trainable=True)
    assert torch.equal(answer(loaded.eval()), answer(other))


def test_settings_of_an_earlier_folder_without_its_gate_are_refused_by_name(tmp_path: Path) -> None:
    earlier_folder(tmp_path, trained())
    settings = PeftConfig.from_pretrained(str(tmp_path))
    with pytest.raises(
        ValueError, match=r"by an earlier version.*read it with InstanceWiseLoraConfig\.from_pretrained"
    ):
        PeftModel.from_pretrained(tiny_model(), str(tmp_path), config=settings)
    settings = InstanceWiseLoraConfig.from_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(tiny_model(), str(tmp_path), config=settings)
    assert torch.equal(answer(loaded), answer(trained()))


def test_weights_without_their_gate_are_refused(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    saved = read_tensors(path)
    write_tensors({name: saved[name] for name in saved if ".gate." not in name and name != DIGESTS}, path)
    with pytest.raises(ValueError, match=r"3 tensors missing .*gates\.default\.projection"):
        PeftModel.from_pretrained(tiny_model(), str(folder))


def test_no_tensor_has_the_name_of_a_uniform_loras(folder: Path) -> None:
    """A server looks for these names, whatever the settings."""
    names = read_tensors(folder / "adapter_model.safetensors")
    assert len(names) == 28 + 3 + 1  # the digests
    assert not [name for name in names if ".lora_A." in name or ".lora_B." in name]


def test_the_workflow_writes_what_peft_reads_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    model = trained()
    storage.write_adapter(model, tmp_path / "one")
    storage.write_adapter(trained(), tmp_path / "other")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path / "one"))), answer(model))
    plain = plain_lora(tiny_model())
    storage.write_adapter(plain, tmp_path / "plain")
    again = PeftModel.from_pretrained(tiny_model(), str(tmp_path / "plain"))
    batch = padded(random_sequences([5, 3]), "left")
    assert torch.equal(again(**batch).logits, plain(**batch).logits)


def test_a_resized_vocabulary_survives_the_disk(tmp_path: Path) -> None:
    base: Any = tiny_model()
    base.save_pretrained(str(tmp_path / "base"))
    base = type(base).from_pretrained(str(tmp_path / "base"))
    base.resize_token_embeddings(44)
    model = instance_wise(base, config(4))
    expected = answer(model)
    with pytest.warns(UserWarning, match="embedding layer has been resized"):
        model.save_pretrained(str(tmp_path / "adapter"))
    again = type(base).from_pretrained(str(tmp_path / "base"))
    again.resize_token_embeddings(44)
    loaded = PeftModel.from_pretrained(again, str(tmp_path / "adapter"))
    assert torch.equal(answer(loaded), expected)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """An adapter written by the workflow."""
    storage.write_adapter(trained(), tmp_path / "kept")
    return tmp_path / "kept"


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_workflow_names_a_missing_file(kept: Path, name: str) -> None:
    (kept / name).unlink()
    with pytest.raises(FileNotFoundError, match=name.replace(".", r"\.")):
        storage.read_gate(kept)


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_workflow_notices_a_truncated_file(kept: Path, name: str) -> None:
    content = (kept / name).read_bytes()
    (kept / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
        storage.read_gate(kept)


def test_the_workflow_notices_one_flipped_bit_in_the_weights(kept: Path) -> None:
    content = bytearray((kept / "adapter_model.safetensors").read_bytes())
    content[-3] ^= 1
    (kept / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"adapter_model\.safetensors.*the digest differs"):
        storage.read_gate(kept)


def test_an_interrupted_saving_over_another_adapter_leaves_none(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "write_tensors", interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.write_adapter(trained(config(2)), kept)
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match=r"adapter_config\.json"):
        storage.read_gate(kept)
