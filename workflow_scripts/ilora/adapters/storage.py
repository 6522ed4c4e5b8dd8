"""Adapters on disk in PEFT's format, written atomically and byte for byte reproducible.

PEFT's own ``save_pretrained`` and ``from_pretrained`` write and read the same two files, `CONFIG_FILE` and `LORA_FILE`.
The tensors of an instance-wise adapter have distinct names, so that software that expects a plain LoRA (such as an
inference server) finds no weights instead of silently serving the LoRA of a uniform gate.
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
    """Write an adapter, gated or uniform; the same adapter always yields the same bytes.

    If the model is sharded with `torch.distributed.fsdp.fully_shard`, every process must call this function.

    Raises:
        RuntimeError: if this process does not hold the complete LoRA weights.
    """
    state, config = _state(model, ADAPTER_NAME), model.peft_config[ADAPTER_NAME]
    is_gated = isinstance(config, InstanceWiseLoraConfig)
    _write(with_digests(state, config) if is_gated else state, _settings(model, ADAPTER_NAME), folder)


def write_as_plain_lora(model: Any, adapter_name: str, folder: Path) -> None:
    """Write the current LoRA weights of a gated adapter as an ordinary LoRA."""
    gated = _settings(model, adapter_name)
    settings = {name: value for name, value in gated.items() if name in LoraConfig.__dataclass_fields__}
    # The names are relative to the tuner, which PEFT's model holds as `base_model`.
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
        ValueError: if the adapter is of another type, or lacks its gate.
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
    """Read the settings of an adapter, gated or not, for inference.

    Raises:
        FileNotFoundError: if there are no settings.
        ValueError: if the gate settings are of a later format.
        ilora.artifacts.errors.ArtifactError: if the settings are damaged.
    """
    config = PEFT_TYPE_TO_CONFIG_MAPPING[read_json(folder / CONFIG_FILE)["peft_type"]].from_pretrained(str(folder))
    config.inference_mode = True
    return config


def load_weights(model: PeftModel, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load the weights of an adapter, gated or not, which were read from ``path``, into a model.

    Raises:
        ValueError: if names or shapes differ from the model's.
    """
    if not isinstance(model.peft_config[ADAPTER_NAME], InstanceWiseLoraConfig):  # which checks by itself
        compare(_state(model, ADAPTER_NAME), weights, str(path))
    set_peft_model_state_dict(model, dict(weights))


def saved_name(name: str) -> str:
    """Return the name under which a LoRA tensor is saved."""
    return re.sub(r"\.lora_([AB])\.weight$", r".ilora_\1.weight", name)


def compare(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], owner: str) -> None:
    """Check that all expected tensors were found, with the expected shapes.

    Raises:
        ValueError: if a tensor is missing, unexpected or of another shape; the message starts with ``owner``.
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
    """Check that a state contains the weights of all LoRA layers.

    Raises:
        RuntimeError: if it does not.
    """
    if sum("lora_" in name for name in state) < 2 * len(lora_layers(model, adapter_name)):
        raise RuntimeError(
            "found LoRA layers without their weights: FullyShardedDataParallel keeps them elsewhere; shard with "
            "torch.distributed.fsdp.fully_shard, whose models can be saved"
        )


def _lora_name(name: str) -> str:
    return re.sub(r"\.ilora_([AB])\.weight$", r".lora_\1.weight", name)


def _state(model: Any, adapter_name: str) -> dict[str, torch.Tensor]:
    state = get_peft_model_state_dict(model, adapter_name=adapter_name, save_embedding_layers=False)
    check_whole(model, adapter_name, state)
    # Gathered, if they are sharded over processes.
    return {name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor for name, tensor in state.items()}


def _settings(model: Any, adapter_name: str) -> dict[str, Any]:
    """Return PEFT's settings as it writes them, without the path of the base model and with sets sorted."""
    content = model.peft_config[adapter_name].to_dict()
    content.update(base_model_name_or_path=None, inference_mode=True)
    return {key: sorted(value) if isinstance(value, set) else value for key, value in content.items()}


def _write(state: Mapping[str, torch.Tensor], settings: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The settings of an earlier adapter are removed first and the new ones written last, so that an interruption never
    # leaves a loadable adapter behind.
    (folder / CONFIG_FILE).unlink(missing_ok=True)
    write_tensors(dict(state), folder / LORA_FILE)
    with atomic_path(folder / CONFIG_FILE) as temporary:
        temporary.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
