"""What tells damaged, exchanged or edited files of an adapter from those that were saved, whoever loads them.

PEFT hands a tuner the tensors of a file and the settings beside it, never a path or the file's metadata. The digests of
both are therefore a tensor of the file, `DIGESTS`, which saving adds and loading takes away; no state in memory has it.
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

#: Of the weights and of the settings, uint8 (2, 16). PEFT takes no names but those of its model.
DIGESTS = "base_model.ilora_digests"


def with_digests(weights: Mapping[str, torch.Tensor], config: Any) -> dict[str, torch.Tensor]:
    """Give an adapter's tensors as they are saved, with the digests of them and of an `InstanceWiseLoraConfig`."""
    return {**weights, DIGESTS: torch.stack([_of_weights(weights), _of_settings(config)])}


def without_digests(saved: Mapping[str, torch.Tensor], adapter_name: str) -> dict[str, torch.Tensor]:
    """Give an adapter's tensors as they are in memory, after comparing them with their digest.

    Tensors that were saved without digests, or taken from a model, have none to be compared with.

    Raises:
        ValueError: if they are not those that were saved.
    """
    weights = dict(saved)
    digests = weights.pop(DIGESTS, None)
    if digests is not None and not torch.equal(digests[0].cpu(), _of_weights(weights)):
        raise ValueError(
            f"{SAFETENSORS_WEIGHTS_NAME} of the adapter {adapter_name!r}: found other weights than were saved, by "
            f"their digest: the file is damaged or was altered. Copy {SAFETENSORS_WEIGHTS_NAME} and {CONFIG_NAME} "
            f"anew from where the adapter was saved. If it was altered on purpose, leave out the tensor {DIGESTS}."
        )
    return weights


def check_settings(saved: Mapping[str, torch.Tensor], config: Any, adapter_name: str) -> None:
    """Compare an `InstanceWiseLoraConfig` with the digest among tensors as they were saved, if it is there.

    Raises:
        ValueError: if the settings are not those that the tensors were saved with.
    """
    if DIGESTS in saved and not torch.equal(saved[DIGESTS][1].cpu(), _of_settings(config)):
        raise ValueError(
            f"{CONFIG_NAME} of the adapter {adapter_name!r}: found other settings than its weights were saved with "
            f"({', '.join(_settings(config))}): it was edited, or one of the two files is damaged or another "
            "adapter's. Copy both anew from where the adapter was saved. To use these weights with other settings, "
            f"make the model with get_peft_model, and put in the tensors of {SAFETENSORS_WEIGHTS_NAME} but for "
            f"{DIGESTS} by set_peft_model_state_dict."
        )


def add_digests(path: Path, config: Any) -> None:
    """Add the digests to the weights that PEFT wrote; leave a file of other weights, or none, as it is.

    Raises:
        ValueError: if digests are there that are not those of the weights.
    """
    if not path.is_file():
        return
    with safe_open(path, framework="pt") as file:
        metadata, saved = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if not any(".ilora_" in name for name in saved):
        return
    digests = saved.pop(DIGESTS, None)
    if digests is not None and not torch.equal(digests[0], _of_weights(saved)):
        raise ValueError(f"{path}: found other weights than were saved, by their digest; save the whole adapter anew")
    with atomic_path(path) as temporary:
        save_file(with_digests(saved, config), temporary, metadata)


def _of_weights(weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    # Without their names, which PEFT may have changed on the way here.
    return _digest(sorted(content_digest({"": tensor.detach().cpu().contiguous()}, "") for tensor in weights.values()))


def _of_settings(config: Any) -> torch.Tensor:
    return _digest(_settings(config))


def _settings(config: Any) -> dict[str, Any]:
    """What decides, beside the weights, what an adapter answers."""
    gate = config.instance_wise
    # Without the defaults: settings that later versions have besides change nothing.
    chosen = {name: value for name, value in asdict(gate).items() if value != getattr(type(gate), name, None)}
    lora = {name: getattr(config, name) for name in ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora")}
    return {"instance_wise": chosen, **lora}


def _digest(content: Any) -> torch.Tensor:
    text = json.dumps(content, sort_keys=True)
    return torch.tensor(list(hashlib.blake2b(text.encode(), digest_size=16).digest()), dtype=torch.uint8)
