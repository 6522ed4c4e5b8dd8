"""Adapters on disk."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn

from ilora.adapters import InstanceWiseConfig, get_instance_wise_model, storage
from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.tensors import write_tensors
from tiny_models import config, instance_wise, lora, padded, plain_lora, random_sequences, representations, tiny_model

FILES = {"adapter_config.json", "adapter_model.safetensors", "gate.safetensors"}


def answer(model: PeftModel) -> torch.Tensor:
    batch = padded(random_sequences([5, 3]), "left")
    z = representations(2) if model.gate_config.gate_input == "sequence_representation" else None
    return model(**batch, sequence_representations=z).logits.detach()


def trained(gate: InstanceWiseConfig | None = None, kind: str = "llama", **settings: Any) -> PeftModel:
    """Give a model whose every saved tensor differs from that of a fresh one."""
    model = instance_wise(tiny_model(kind), gate or config(4), lora(**settings))
    if model.gate_config.gate_input == "sequence_representation":
        model.gate.standardisation.fit(3 * representations(20, seed=5) + 1)
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter of K = 4 for the tiny Llama."""
    trained().save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_survive_the_disk_bit_for_bit(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = instance_wise(tiny_model(kind, dtype=dtype), config(4))
    model.gate.standardisation.fit(3 * representations(20, seed=5) + 1)
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    again = PeftModel.from_pretrained(tiny_model(kind, dtype=dtype), tmp_path)
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
        answer(model)  # gives batch normalisation its statistics
        model.eval()
    model.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(tiny_model(), tmp_path)
    assert torch.equal(answer(again), answer(model))
    assert again.gate_config == gate
    read, read_config = storage.read_gate(tmp_path)
    z = torch.randn(3, gate.width, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read(z), model.gate(z))
    assert (read_config, read.training) == (gate, False)


def test_double_precision_survives_the_disk(tmp_path: Path) -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(4)).double()
    model.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(tiny_model(dtype=torch.float64), tmp_path)
    assert torch.equal(answer(again), answer(model))


def test_the_same_adapter_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    trained().save_pretrained(tmp_path / "again")
    PeftModel.from_pretrained(tiny_model(), folder).save_pretrained(tmp_path / "loaded")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "loaded" / name).read_bytes() == (folder / name).read_bytes()


def test_a_loaded_adapter_is_frozen_unless_it_is_to_be_trained_on(folder: Path) -> None:
    frozen = PeftModel.from_pretrained(tiny_model(), folder)
    assert not frozen.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    model = PeftModel.from_pretrained(tiny_model(), folder, is_trainable=True)
    fresh = get_instance_wise_model(tiny_model(), lora(), config(4))
    wanted = {name for name, parameter in fresh.named_parameters() if parameter.requires_grad}
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == wanted
    model.train()
    answer_loss = model(**padded(random_sequences([5, 3]), "left"), sequence_representations=representations(2)).logits
    answer_loss.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.requires_grad)


def test_a_folder_of_an_earlier_version_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ``gate_input`` now was called ``guidance``."""
    model = trained()
    with monkeypatch.context() as earlier:
        values = {"guidance" if key == "gate_input" else key: value for key, value in asdict(model.config).items()}
        earlier.setattr(storage, "asdict", lambda config: values)
        model.save_pretrained(tmp_path)
    assert '"guidance"' in (tmp_path / "adapter_config.json").read_text()
    loaded = PeftModel.from_pretrained(tiny_model(), tmp_path)
    assert loaded.gate_config == model.gate_config
    assert torch.equal(answer(loaded), answer(model))


def test_other_trained_modules_are_kept(tmp_path: Path) -> None:
    model = instance_wise(tiny_model(), config(4), lora(target_modules=["q_proj"], modules_to_save=["lm_head"]))
    inner: Any = model.get_base_model()
    nn.init.normal_(inner.get_output_embeddings().weight)
    model.save_pretrained(tmp_path)
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), tmp_path)), answer(model))


def test_plain_peft_refuses_it(folder: Path) -> None:
    with pytest.raises(KeyError, match="ILORA"):
        PeftModel.from_pretrained(tiny_model(), str(folder))


def test_pefts_own_saving_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unknown PEFT type passed: ILORA"):
        trained().save_pretrained(str(tmp_path))
    assert not {path.name for path in tmp_path.iterdir()} & FILES


def test_it_is_saved_whichever_adapter_is_active(folder: Path, tmp_path: Path) -> None:
    gate = config(4, gate_input="constant")
    model = trained(gate)
    expected = answer(model)
    model.add_weighted_adapter(["default"], [0.5], "halved", combination_type="cat")
    model.set_adapter("halved")
    model.save_pretrained(tmp_path / "constant")
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), tmp_path / "constant")), expected)


def test_a_merged_adapter_is_saved_as_it_was(tmp_path: Path) -> None:
    model = trained(config(4, gate_input="constant"))
    expected = answer(model)
    model.merge_adapter()
    model.save_pretrained(tmp_path)
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), tmp_path)), expected)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name.replace(".", r"\.")):
        PeftModel.from_pretrained(tiny_model(), folder)


def test_a_missing_gate_says_what_it_is_for(folder: Path) -> None:
    (folder / "gate.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="Without its gate an instance-wise adapter is another model"):
        PeftModel.from_pretrained(tiny_model(), folder)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "gate.safetensors"])
def test_one_flipped_bit_in_the_weights_is_noticed(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=name.replace(".", r"\.") + ".*the digest differs"):
        PeftModel.from_pretrained(tiny_model(), folder)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_truncated_file_is_noticed(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
        PeftModel.from_pretrained(tiny_model(), folder)


def edit_config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "adapter_config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(lora_alpha=17),
        lambda content: content["instance_wise"].update(scale="per_rank"),
        lambda content: content["instance_wise"].update(experts=2),
        lambda content: content["instance_wise"]["base"].update(model_type="mistral"),
    ],
    ids=["alpha", "scale", "experts", "base"],
)
def test_altered_settings_are_noticed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit_config(folder, change)
    message = r"gate\.safetensors: found the gate of another adapter, .* saved with adapter_config\.json"
    with pytest.raises(ValueError, match=message):
        PeftModel.from_pretrained(tiny_model(), folder)


def test_settings_laid_out_otherwise_are_the_same(folder: Path) -> None:
    edit_config(folder, lambda content: None)
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), folder)), answer(trained()))


@pytest.mark.parametrize(
    "gate",
    [config(4), config(2), config(4, width=5), config(4, gate="top_k"), config(4, gate="residual_convolution")],
    ids=["same shape", "another K", "another width", "another kind", "another kind of network"],
)
def test_the_gate_of_another_adapter_is_refused(folder: Path, gate: InstanceWiseConfig, tmp_path: Path) -> None:
    other = instance_wise(tiny_model(), gate, seed=2)
    other.save_pretrained(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "gate.safetensors", folder)
    with pytest.raises(ValueError, match=r"gate\.safetensors: found the gate of another adapter"):
        PeftModel.from_pretrained(tiny_model(), folder)


def test_the_lora_weights_of_another_adapter_are_refused(folder: Path, tmp_path: Path) -> None:
    instance_wise(tiny_model(), config(4), seed=2).save_pretrained(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "adapter_model.safetensors", folder)
    with pytest.raises(ValueError, match=r"another adapter, .* saved with adapter_model\.safetensors"):
        PeftModel.from_pretrained(tiny_model(), folder)


def test_an_interrupted_saving_over_another_adapter_leaves_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_tensors

    def interrupted(tensors: Any, path: Path, *rest: Any) -> None:
        if path.name == "gate.safetensors":
            raise KeyboardInterrupt
        whole(tensors, path, *rest)

    monkeypatch.setattr(storage, "write_tensors", interrupted)
    with pytest.raises(KeyboardInterrupt):
        instance_wise(tiny_model(), config(4), seed=2).save_pretrained(folder)
    with pytest.raises(ValueError, match="found the gate of another adapter"):
        PeftModel.from_pretrained(tiny_model(), folder)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (config(2), r"projection\.weight has shape \(4, 6\), expected \(2, 6\)"),
        (config(4, width=5), r"has shape \(6,\), expected \(5,\)"),
        (config(4, gate="residual_convolution"), "does not fit a linear gate of 4 experts: .* tensors missing"),
    ],
)
def test_state_of_another_gate_does_not_fit_a_model(folder: Path, gate: InstanceWiseConfig, message: str) -> None:
    model = instance_wise(tiny_model(), gate)
    with pytest.raises(ValueError, match=message):
        model.load_adapter_state(storage.read_adapter(folder))


@pytest.mark.parametrize(
    "settings", [{"r": 16}, {"target_modules": ["q_proj"]}, {"rank_pattern": {"q_proj": 4}}], ids=str
)
def test_state_of_another_lora_does_not_fit_a_model(folder: Path, settings: dict[str, Any]) -> None:
    model = instance_wise(tiny_model(), config(4), lora(**settings))
    with pytest.raises(ValueError, match=r"adapter_model\.safetensors: does not fit this base model"):
        model.load_adapter_state(storage.read_adapter(folder))


def other_layer() -> nn.Module:
    """The embedding is the same: as after a merge, or a tuning that left it alone."""
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
        PeftModel.from_pretrained(model, folder)
    assert set(model.state_dict()) == names


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_base_model_in_half_precision_is_the_same_one(folder: Path, dtype: torch.dtype, tmp_path: Path) -> None:
    model = PeftModel.from_pretrained(tiny_model(dtype=dtype), folder)
    assert torch.isfinite(answer(model)).all()
    model.save_pretrained(tmp_path)
    PeftModel.from_pretrained(tiny_model(), tmp_path)


def test_a_later_format_is_refused(folder: Path) -> None:
    edit_config(folder, lambda content: content["instance_wise"].update(format_version=2))
    with pytest.raises(ValueError, match=r"adapter_config\.json: found format version 2, expected 1"):
        PeftModel.from_pretrained(tiny_model(), folder)


def test_settings_of_a_later_peft_are_refused(folder: Path) -> None:
    edit_config(folder, lambda content: content.update(turbo=True))
    with pytest.raises(ValueError, match=r"'turbo': it was written with PEFT \d+\.\d+\.\d+; load it with that version"):
        PeftModel.from_pretrained(tiny_model(), folder)


def test_a_plain_lora_is_no_instance_wise_adapter(tmp_path: Path) -> None:
    plain_lora(tiny_model()).save_pretrained(str(tmp_path))
    with pytest.raises(ValueError, match="found an adapter of type LORA, expected ILORA"):
        PeftModel.from_pretrained(tiny_model(), tmp_path)


def test_a_folder_of_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/adapter_config\.json"):
        PeftModel.from_pretrained(tiny_model(), tmp_path / "nowhere")
