"""Adapters on disk: PEFT's file of LoRA weights, the gate's, and a config that plain PEFT refuses.

``adapter_config.json`` is PEFT's, with the type `PEFT_TYPE`, which PEFT does not know (it would otherwise read the
folder as a uniform LoRA), and a section `SECTION` for the gate and the base model. The gate's file holds the digests of
the other two: a gate beside the weights or the settings of another adapter is noticed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils import PeftType
from torch import nn
from torch.distributed.tensor import DTensor

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.gate import Gate, build_gate
from ilora.adapters.gating import lora_layers
from ilora.artifacts.json_files import read_json
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.tensors import read_metadata, read_tensors, write_tensors
from ilora.artifacts.writing import atomic_path

ADAPTER_NAME = "default"

PEFT_TYPE = "ILORA"
SECTION = "instance_wise"
FORMAT_VERSION = 1
CONFIG_FILE, LORA_FILE, GATE_FILE = "adapter_config.json", "adapter_model.safetensors", "gate.safetensors"

_SAMPLED_LAYERS, _SAMPLED_VALUES = 16, 8
_SAMPLE_TOLERANCE = 0.02  # a base model in half precision is still the same one


@dataclass(frozen=True)
class SavedAdapter:
    """What a folder holds.

    Attributes:
        folder: where.
        lora: PEFT's settings.
        instance_wise: the gate's.
        base: what is known of the base model, see `describe_base_model`.
        lora_weights: by PEFT's names.
        gate_weights: the gate's state.
    """

    folder: Path
    lora: LoraConfig
    instance_wise: InstanceWiseConfig
    base: Mapping[str, Any]
    lora_weights: Mapping[str, torch.Tensor]
    gate_weights: Mapping[str, torch.Tensor]


def write_adapter(peft_model: PeftModel, gate: Gate, config: InstanceWiseConfig, folder: Path) -> None:
    """Write the three files of an adapter; the same adapter gives the same bytes.

    Of a model that `torch.distributed.fsdp.fully_shard` has cut, every process has to call it.

    Raises:
        RuntimeError: if this process has no whole LoRA weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(_lora_state(peft_model), folder / LORA_FILE)
    section = {"format_version": FORMAT_VERSION, **asdict(config), "base": describe_base_model(peft_model)}
    _write_json(_plain_config(peft_model) | {"peft_type": PEFT_TYPE, SECTION: section}, folder / CONFIG_FILE)
    # Last: until it stands there, what an interruption leaves behind is no adapter.
    write_tensors(_whole(gate.state_dict()), folder / GATE_FILE, _digests(folder))


def write_plain_lora(peft_model: PeftModel, folder: Path) -> None:
    """Write an ordinary LoRA that plain PEFT reads, with the weights as they stand."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(_lora_state(peft_model), folder / LORA_FILE)
    _write_json(_plain_config(peft_model), folder / CONFIG_FILE)


def read_config(folder: Path) -> tuple[LoraConfig, InstanceWiseConfig, Mapping[str, Any]]:
    """Read ``adapter_config.json``: PEFT's settings, the gate's, and the description of the base model.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is of another kind of adapter, of a later format, or has settings unknown here.
        ilora.artifacts.errors.ArtifactError: if it is damaged.
    """
    path = folder / CONFIG_FILE
    content = read_json(path)
    if content.get("peft_type") != PEFT_TYPE or SECTION not in content:
        raise ValueError(
            f"{path}: found an adapter of type {content.get('peft_type')}, expected {PEFT_TYPE}: this is no "
            "instance-wise adapter"
        )
    section = content.pop(SECTION)
    version = section.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path}: found format version {version}, expected {FORMAT_VERSION}: it was written by another version of "
            "this package; load it with that one"
        )
    base = section.pop("base")
    if "guidance" in section:  # as earlier versions called it
        section["gate_input"] = section.pop("guidance")
    del content["peft_type"]
    try:
        return LoraConfig(**content), InstanceWiseConfig(**section), base
    except TypeError as error:
        raise ValueError(
            f"{path}: {error}: it was written with PEFT {content.get('peft_version')}; load it with that version or a "
            "later one"
        ) from error


def read_adapter(folder: Path) -> SavedAdapter:
    """Read all of a folder.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: as `read_config` raises it, and if the files are not of one adapter.
        ilora.artifacts.errors.ArtifactError: if a file is damaged.
    """
    lora, instance_wise, base = read_config(folder)
    if not (folder / GATE_FILE).is_file():
        raise FileNotFoundError(
            f"{folder / GATE_FILE}: no such file. Without its gate an instance-wise adapter is another model; copy "
            f"{GATE_FILE} from where the adapter was saved."
        )
    lora_weights, gate_weights = read_tensors(folder / LORA_FILE), read_tensors(folder / GATE_FILE)
    kept = read_metadata(folder / GATE_FILE)
    for name, digest in _digests(folder).items():
        if kept.get(name) != digest:
            raise ValueError(
                f"{folder / GATE_FILE}: found the gate of another adapter, expected the one that was saved with "
                f"{name}: one of the two was replaced or altered. Copy all three files of one adapter."
            )
    return SavedAdapter(folder, lora, instance_wise, base, lora_weights, gate_weights)


def read_gate(folder: Path) -> tuple[Gate, InstanceWiseConfig]:
    """Read the gate of a saved adapter, in evaluation mode, without its base model; raises as `read_adapter` does."""
    saved = read_adapter(folder)
    gate = build_gate(saved.instance_wise)
    load_gate(gate, saved)
    return gate.eval(), saved.instance_wise


def load_lora(peft_model: PeftModel, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put LoRA weights, read from ``path``, into a model, gated or not.

    Raises:
        ValueError: if names or shapes differ from the model's.
    """
    _compare(path, _lora_state(peft_model), weights, "this base model")
    with _open_to_plain_peft(peft_model):
        set_peft_model_state_dict(peft_model, dict(weights))


def load_gate(gate: Gate, saved: SavedAdapter) -> None:
    """Put the saved state into a gate.

    Raises:
        ValueError: if names or shapes differ from the gate's: another kind, K or width.
    """
    described = f"a {saved.instance_wise.gate} gate of {saved.instance_wise.experts} experts"
    _compare(saved.folder / GATE_FILE, gate.state_dict(), saved.gate_weights, described)
    gate.to(saved.gate_weights["standardisation.mean"].dtype).load_state_dict(dict(saved.gate_weights))


def describe_base_model(model: PeftModel) -> dict[str, Any]:
    """Give what tells base models apart: their kind, and some values of the input embedding and of adapted layers.

    Values are read at fixed places, and only where they are at hand: not from quantized or sharded weights, nor on the
    meta device.
    """
    inner: Any = model.get_base_model()
    layers = {name: layer for name, layer in lora_layers(inner, ADAPTER_NAME).items() if not layer.merged}
    names = list(layers)
    chosen = {names[place] for place in _spread(len(names), _SAMPLED_LAYERS)}
    samples = {name: _sample(layers[name].get_base_layer()) for name in sorted(chosen)}
    return {"model_type": _kind(inner), "input_embedding": _sample(_input_embedding(inner)), "layers": samples}


def check_base_model(saved: SavedAdapter, base_model: nn.Module) -> None:
    """Refuse a base model that is not the one that the adapter was trained on.

    Raises:
        ValueError: if its kind, its layers or its weights differ (by more than rounding to half precision).
    """
    path = saved.folder / CONFIG_FILE
    if saved.base["model_type"] != _kind(base_model):
        raise ValueError(
            f"{path}: the adapter was made for a {saved.base['model_type']} model, found a {_kind(base_model)} model"
        )
    modules = dict(base_model.named_modules())
    places = {"the input embedding": (saved.base["input_embedding"], _input_embedding(base_model))}
    places |= {name: (sample, modules.get(name)) for name, sample in saved.base["layers"].items()}
    for name, (expected, module) in places.items():
        if expected is not None and not _agrees(expected, module):
            raise ValueError(
                f"{path}: the adapter was made for another base model: {name} differs. Load the base model (and "
                "revision) that it was trained on."
            )


def _kind(model: Any) -> str:
    return getattr(getattr(model, "config", None), "model_type", type(model).__name__)


def _input_embedding(model: Any) -> nn.Module | None:
    return model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None


def _sample(module: Any) -> list[float] | None:
    """Some of a layer's weights, None if they cannot be read as they are."""
    weight = getattr(module, "weight", None)
    if type(weight) is not nn.Parameter or weight.is_meta or not weight.is_floating_point() or not weight.numel():
        return None
    places = torch.tensor(_spread(weight.numel(), _SAMPLED_VALUES), device=weight.device)
    return weight.detach().flatten()[places].double().cpu().tolist()


def _agrees(expected: list[float], module: nn.Module | None) -> bool:
    found = _sample(module)
    if found is None:
        return module is not None
    return torch.allclose(torch.tensor(found), torch.tensor(expected), rtol=_SAMPLE_TOLERANCE, atol=1e-6)


def _spread(size: int, count: int) -> list[int]:
    """At most ``count`` numbers from 0 to ``size`` - 1, evenly spread."""
    count = min(size, count)
    return [(2 * place + 1) * size // (2 * count) for place in range(count)]


def close_to_plain_peft(peft_model: PeftModel) -> None:
    """Name the adapter's type such that PEFT's own saving and loading refuse it instead of dropping the gate."""
    peft_model.peft_config[ADAPTER_NAME].peft_type = PEFT_TYPE


@contextmanager
def _open_to_plain_peft(peft_model: PeftModel) -> Iterator[None]:
    config = peft_model.peft_config[ADAPTER_NAME]
    named, config.peft_type = config.peft_type, PeftType.LORA
    try:
        yield
    finally:
        config.peft_type = named


def _lora_state(peft_model: PeftModel) -> dict[str, torch.Tensor]:
    with _open_to_plain_peft(peft_model):
        state = get_peft_model_state_dict(peft_model, save_embedding_layers=False)
    if sum("lora_" in name for name in state) < 2 * len(lora_layers(peft_model, ADAPTER_NAME)):
        raise RuntimeError(
            "found LoRA layers without their weights: FullyShardedDataParallel keeps them elsewhere; shard by "
            "torch.distributed.fsdp.fully_shard, whose models can be saved"
        )
    return _whole(state)


def _whole(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gather the tensors that are cut over processes."""
    return {name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor for name, tensor in state.items()}


def _plain_config(peft_model: PeftModel) -> dict[str, Any]:
    """PEFT's settings as it writes them, without the path of the base model and with its sets in order."""
    content = peft_model.peft_config[ADAPTER_NAME].to_dict()
    content.update(peft_type=PeftType.LORA.value, base_model_name_or_path=None, inference_mode=True)
    return {key: sorted(value) if isinstance(value, set) else value for key, value in content.items()}


def _digests(folder: Path) -> dict[str, str]:
    """Of the files that a gate belongs to. Of the settings it is the content that counts, not how it is laid out."""
    settings = json.dumps(read_json(folder / CONFIG_FILE), sort_keys=True)
    return {
        LORA_FILE: sha256_of(folder / LORA_FILE),
        CONFIG_FILE: hashlib.sha256(settings.encode()).hexdigest(),
    }


def _write_json(content: Mapping[str, Any], path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _compare(path: Path, expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], owner: str) -> None:
    missing, foreign = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or foreign:
        raise ValueError(
            f"{path}: does not fit {owner}: {len(missing)} tensors missing {missing[:2]}, "
            f"{len(foreign)} unexpected {foreign[:2]}"
        )
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            raise ValueError(
                f"{path}: does not fit {owner}: {name} has shape {tuple(found[name].shape)}, "
                f"expected {tuple(tensor.shape)}"
            )
