"""Adapter folders of earlier versions: plain LoRA tensor names, and the gate in a separate file.

``adapter_config.json`` held a format version and the description of the base model in the gate's section;
``gate.safetensors`` held the digests of the other two files.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME

from ilora.adapters.config import InstanceWiseConfig
from ilora.artifacts.json_files import read_json
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.tensors import read_metadata, read_tensors

_GATE_FILE = "gate.safetensors"
_VERSION = 1


def read_settings(section: Mapping[str, Any]) -> tuple[InstanceWiseConfig, dict[str, Any] | None]:
    """Read the saved gate settings and the description of the base model, if they contain one.

    Raises:
        ValueError: if the format version is not supported, or a setting is unknown.
    """
    values = dict(section)
    version, base = values.pop("format_version", _VERSION), values.pop("base", None)
    if version != _VERSION:
        raise ValueError(
            f"adapter_config.json: found format version {version}, expected {_VERSION}: it was written by another "
            "version of this package; load it with that version"
        )
    if "guidance" in values:  # the original name of the setting
        values["gate_input"] = values.pop("guidance")
    try:
        return InstanceWiseConfig(**values), base
    except TypeError as error:
        raise ValueError(f"adapter_config.json: instance_wise: {error}") from error


def is_earlier_format(section: Any) -> bool:
    """Return whether the gate settings were saved by an earlier version."""
    return isinstance(section, Mapping) and "format_version" in section


def folder_of(name: str, subfolder: str | None, hub_options: Mapping[str, Any]) -> Path:
    """Return the local folder of an adapter, downloading it from the hub if needed.

    Args:
        name: path of a folder, or id of a repository.
        subfolder: subfolder that holds the adapter.
        hub_options: options of `huggingface_hub.hf_hub_download`.
    """
    folder = Path(name, subfolder or "")
    if (folder / CONFIG_NAME).is_file():
        return folder
    files = (SAFETENSORS_WEIGHTS_NAME, _GATE_FILE, CONFIG_NAME)
    paths = [Path(hf_hub_download(name, file, subfolder=subfolder, **hub_options)) for file in files]
    return paths[-1].parent


def earlier_gate(folder: Path) -> Mapping[str, torch.Tensor]:
    """Read the gate from a folder of an earlier version.

    Raises:
        FileNotFoundError: if the gate is missing.
        ValueError: if it belongs to another adapter.
        ilora.artifacts.errors.ArtifactError: if it is damaged.
    """
    path = folder / _GATE_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file. An instance-wise adapter cannot be loaded without its gate; copy "
            f"{_GATE_FILE} from where the adapter was saved."
        )
    settings = json.dumps(read_json(folder / CONFIG_NAME), sort_keys=True)
    digests = {
        SAFETENSORS_WEIGHTS_NAME: sha256_of(folder / SAFETENSORS_WEIGHTS_NAME),
        CONFIG_NAME: hashlib.sha256(settings.encode()).hexdigest(),
    }
    kept = read_metadata(path)
    for name, digest in digests.items():
        if kept.get(name) != digest:
            raise ValueError(
                f"{path}: found the gate of another adapter, expected the one that was saved with {name}: one of the "
                "two was replaced or altered. Copy all three files of one adapter."
            )
    return read_tensors(path)
