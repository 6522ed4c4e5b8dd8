"""Adapters on disk as the workflow keeps them: what PEFT writes, whole or not at all, the same bytes every time.

PEFT's own ``save_pretrained`` and ``from_pretrained`` write and read the same two files, `CONFIG_FILE` and `LORA_FILE`.
In them the tensors of an instance-wise adapter have names of their own: what reads the folder of a LoRA and asks
nothing else (a server) finds none, instead of the LoRA of a uniform gate.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME, PeftType
from torch.distributed.tensor import DTensor

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.digests import check_settings, with_digests, without_digests
from ilora.adapters.gate import Gate, build_gate
from ilora.adapters.gating import lora_layers
from ilora.adapters.lora_config import InstanceWiseLoraConfig
from ilora.artifacts.json_files import read_json
from ilora.artifacts.tensors import read_tensors, write_tensors
from ilora.artifacts.writing import atomic_path

ADAPTER_NAME = "default"
CONFIG_FILE, LORA_FILE = CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME

_GATE = "base_model.gate."


def write_adapter(model: PeftModel, folder: Path) -> None:
    """Write an adapter, gated or uniform; the same adapter gives the same bytes.

    Of a model that `torch.distributed.fsdp.fully_shard` has cut, every process has to call it.

    Raises:
        RuntimeError: if this process has no whole LoRA weights.
    """
    state, config = _state(model, ADAPTER_NAME), model.peft_config[ADAPTER_NAME]
    is_gated = isinstance(config, InstanceWiseLoraConfig)
    _write(with_digests(state, config) if is_gated else state, _settings(model, ADAPTER_NAME), folder)


def write_as_plain_lora(model: Any, adapter_name: str, folder: Path) -> None:
    """Write LoRA's weights of a gated adapter, as they stand, as an ordinary LoRA."""
    gated = _settings(model, adapter_name)
    settings = {name: value for name, value in gated.items() if name in LoraConfig.__dataclass_fields__}
    # The names are the tuner's, which PEFT's model holds as `base_model`.
    state = {
        f"base_model.{_lora_name(name)}": tensor
        for name, tensor in _state(model, adapter_name).items()
        if not name.startswith("gate.")
    }
    _write(state, settings | {"peft_type": PeftType.LORA.value}, folder)


def read_gate(folder: Path) -> tuple[Gate, InstanceWiseConfig]:
    """Read the gate of a saved adapter, in evaluation mode, without its base model.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if the adapter is of another kind, or lacks its gate.
        ilora.artifacts.errors.ArtifactError: if a file is damaged.
    """
    read_json(folder / CONFIG_FILE)
    config = InstanceWiseLoraConfig.from_pretrained(folder)
    saved = config.earlier_gate
    if saved is None:
        tensors = read_tensors(folder / LORA_FILE)
        check_settings(tensors, config, str(folder))
        weights = without_digests(tensors, str(folder))
        saved = {name.removeprefix(_GATE): tensor for name, tensor in weights.items() if name.startswith(_GATE)}
    gate = build_gate(config.instance_wise)
    expected, found = ({_GATE + name: tensor for name, tensor in state.items()} for state in (gate.state_dict(), saved))
    compare(expected, found, str(folder / LORA_FILE))
    gate.to(saved["standardisation.mean"].dtype).load_state_dict(dict(saved))
    return gate.eval(), config.instance_wise


def read_settings(folder: Path) -> PeftConfig:
    """Read the settings of an adapter, gated or not, for answering.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: if those of the gate are of a later format.
        ilora.artifacts.errors.ArtifactError: if they are damaged.
    """
    config = PEFT_TYPE_TO_CONFIG_MAPPING[read_json(folder / CONFIG_FILE)["peft_type"]].from_pretrained(str(folder))
    config.inference_mode = True
    return config


def load_weights(model: PeftModel, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put the weights of an adapter, gated or not, read from ``path``, into a model.

    Raises:
        ValueError: if names or shapes differ from the model's.
    """
    if not isinstance(model.peft_config[ADAPTER_NAME], InstanceWiseLoraConfig):  # which checks by itself
        compare(_state(model, ADAPTER_NAME), weights, str(path))
    set_peft_model_state_dict(model, dict(weights))


def saved_name(name: str) -> str:
    """Give the name under which a tensor of LoRA is saved."""
    return re.sub(r"\.lora_([AB])\.weight$", r".ilora_\1.weight", name)


def compare(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], owner: str) -> None:
    """Refuse tensors that lack some of those expected, or have other shapes.

    Raises:
        ValueError: naming ``owner``.
    """
    missing = sorted(set(expected) - set(found))
    foreign = sorted(name for name in set(found) - set(expected) if re.search(r"lora_[AB]\b|(^|\.)gates?\.", name))
    if missing or foreign:
        raise ValueError(
            f"{owner}: the saved weights do not fit the model: {len(missing)} tensors missing {missing[:2]}, "
            f"{len(foreign)} unexpected {foreign[:2]}"
        )
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            raise ValueError(
                f"{owner}: the saved weights do not fit the model: {name} has shape {tuple(found[name].shape)}, "
                f"expected {tuple(tensor.shape)}"
            )


def check_whole(model: Any, adapter_name: str, state: Mapping[str, torch.Tensor]) -> None:
    """Refuse a state that lacks weights of LoRA layers.

    Raises:
        RuntimeError: if it does.
    """
    if sum("lora_" in name for name in state) < 2 * len(lora_layers(model, adapter_name)):
        raise RuntimeError(
            "found LoRA layers without their weights: FullyShardedDataParallel keeps them elsewhere; shard by "
            "torch.distributed.fsdp.fully_shard, whose models can be saved"
        )


def _lora_name(name: str) -> str:
    return re.sub(r"\.ilora_([AB])\.weight$", r".lora_\1.weight", name)


def _state(model: Any, adapter_name: str) -> dict[str, torch.Tensor]:
    state = get_peft_model_state_dict(model, adapter_name=adapter_name, save_embedding_layers=False)
    check_whole(model, adapter_name, state)
    # Gathered, where they are cut over processes.
    return {name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor for name, tensor in state.items()}


def _settings(model: Any, adapter_name: str) -> dict[str, Any]:
    """PEFT's settings as it writes them, without the path of the base model and with its sets in order."""
    content = model.peft_config[adapter_name].to_dict()
    content.update(base_model_name_or_path=None, inference_mode=True)
    return {key: sorted(value) if isinstance(value, set) else value for key, value in content.items()}


def _write(state: Mapping[str, torch.Tensor], settings: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Last, and that of an earlier adapter not at all: what an interruption leaves behind is no adapter.
    (folder / CONFIG_FILE).unlink(missing_ok=True)
    write_tensors(dict(state), folder / LORA_FILE)
    with atomic_path(folder / CONFIG_FILE) as temporary:
        temporary.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
