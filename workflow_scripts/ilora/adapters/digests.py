"""Digests that detect damaged, swapped or edited adapter files on loading.

PEFT passes a tuner the tensors of the weights file and the settings, never a path or the file's metadata. The digests
of both are therefore stored as a tensor in the file, `DIGESTS`, added on saving and removed on loading. No state in
memory contains it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from safetensors import safe_open
from safetensors.torch import save_file

from ilora.artifacts.tensors import content_digest
from ilora.artifacts.writing import atomic_path

#: Name of the digests of weights and settings, uint8 (2, 16). The prefix is needed: PEFT loads only names of its model.
DIGESTS = "base_model.ilora_digests"


def with_digests(weights: Mapping[str, torch.Tensor], config: Any) -> dict[str, torch.Tensor]:
    """Return an adapter's tensors with the digests of the tensors and of an `InstanceWiseLoraConfig` added."""
    return {**weights, DIGESTS: torch.stack([_of_weights(weights), _of_settings(config)])}


def without_digests(saved: Mapping[str, torch.Tensor], adapter_name: str) -> dict[str, torch.Tensor]:
    """Return an adapter's tensors with the digests removed, after checking the weights against their digest.

    Tensors without digests (saved without them, or taken from a model) are not checked.

    Raises:
        ValueError: if the tensors do not match the digest.
    """
    weights = dict(saved)
    digests = weights.pop(DIGESTS, None)
    if digests is not None and not torch.equal(digests[0].cpu(), _of_weights(weights)):
        raise ValueError(
            f"{SAFETENSORS_WEIGHTS_NAME} of the adapter {adapter_name!r}: found weights that do not "
            f"match their digest: the file is damaged or was altered. Copy {SAFETENSORS_WEIGHTS_NAME} and "
            f"{CONFIG_NAME} again from where the adapter was saved. If the change was intended, remove the tensor "
            f"{DIGESTS}."
        )
    return weights


def check_settings(saved: Mapping[str, torch.Tensor], config: Any, adapter_name: str) -> None:
    """Check an `InstanceWiseLoraConfig` against the digest among saved tensors, if there is one.

    Raises:
        ValueError: if the settings differ from those that the tensors were saved with.
    """
    if DIGESTS in saved and not torch.equal(saved[DIGESTS][1].cpu(), _of_settings(config)):
        raise ValueError(
            f"{CONFIG_NAME} of the adapter {adapter_name!r}: found settings that differ from those its weights were "
            f"saved with (compared: {', '.join(_settings(config))}): it was edited, or one of the two files is damaged "
            "or belongs to another adapter. Copy both again from where the adapter was saved. To use these weights "
            "with other settings, create the model with get_peft_model and load all tensors of "
            f"{SAFETENSORS_WEIGHTS_NAME} except {DIGESTS} with set_peft_model_state_dict."
        )


def add_digests(path: Path, config: Any) -> None:
    """Add the digests to the weights file that PEFT wrote; do nothing if it is missing or holds other weights.

    Raises:
        ValueError: if the file has digests that do not match its weights.
    """
    if not path.is_file():
        return
    with safe_open(path, framework="pt") as file:
        metadata, saved = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if not any(".ilora_" in name for name in saved):
        return
    digests = saved.pop(DIGESTS, None)
    if digests is not None and not torch.equal(digests[0], _of_weights(saved)):
        raise ValueError(f"{path}: found weights that do not match their digest; save the whole adapter again")
    with atomic_path(path) as temporary:
        save_file(with_digests(saved, config), temporary, metadata)


def _of_weights(weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    # Without the names, which PEFT may have changed on the way.
    return _digest(sorted(content_digest({"": tensor.detach().cpu().contiguous()}, "") for tensor in weights.values()))


def _of_settings(config: Any) -> torch.Tensor:
    return _digest(_settings(config))


def _settings(config: Any) -> dict[str, Any]:
    """Return the settings that, with the weights, determine an adapter's output."""
    gate = config.instance_wise
    # Without the defaults, so that settings added by later versions do not change the digest.
    chosen = {name: value for name, value in asdict(gate).items() if value != getattr(type(gate), name, None)}
    lora = {name: getattr(config, name) for name in ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora")}
    return {"instance_wise": chosen, **lora}


def _digest(content: Any) -> torch.Tensor:
    text = json.dumps(content, sort_keys=True)
    return torch.tensor(list(hashlib.blake2b(text.encode(), digest_size=16).digest()), dtype=torch.uint8)
