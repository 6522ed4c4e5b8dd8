"""Tensors in safetensors files, written atomically with a digest of the content, and verified when read."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ilora.artifacts.errors import damaged, missing
from ilora.artifacts.records import check_file
from ilora.artifacts.writing import atomic_path

_CONTENT = "ilora_content"
_DIGEST = "digest"
_METADATA = "metadata"


def write_tensors(
    tensors: Mapping[str, torch.Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named tensors of any shape, dtype and device to `path` atomically; equal content gives equal bytes.

    Args:
        tensors: tensors to write, which must not share memory.
        path: the safetensors file to write.
        metadata: strings to store with the tensors; see `read_metadata`.

    Raises:
        RuntimeError: two tensors share memory; nothing is written.
    """
    kept = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    record = json.dumps(dict(metadata or {}), sort_keys=True)
    # A single entry, because the order in which safetensors writes several differs between runs.
    header = {_CONTENT: json.dumps({_DIGEST: content_digest(kept, record), _METADATA: record})}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(kept, metadata=header))


def read_tensors(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Return the tensors at `path`, on the CPU, by name.

    Files of `write_tensors` contain a digest, so any altered value is detected. For files of other libraries (PEFT,
    transformers), only the layout is checked, and the record if there is one.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ArtifactError: the file is truncated or altered.
    """
    return _read(Path(path))[0]


def read_tensor(path: str | os.PathLike[str], name: str) -> torch.Tensor:
    """Return the tensor of this name at `path`, on the CPU.

    It raises the same errors as `read_tensors`, and ArtifactError if there is no such tensor.
    """
    tensors = read_tensors(path)
    if name not in tensors:
        raise damaged(Path(path), f"found the tensors {sorted(tensors)}, expected '{name}'")
    return tensors[name]


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the metadata passed to `write_tensors`; it raises the same errors as `read_tensors`."""
    return _read(Path(path))[1]


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    if not path.is_file():
        raise missing(path)
    check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(path, f"is not a whole safetensors file ({error})") from error
    if _CONTENT not in header:
        return tensors, {}
    try:
        content = json.loads(header[_CONTENT])
        digest, record = content[_DIGEST], content[_METADATA]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise damaged(path, "its metadata cannot be read") from error
    if digest != content_digest(tensors, record):
        raise damaged(path, "its content is not what was written (the digest differs)")
    return tensors, json.loads(record)


def content_digest(tensors: Mapping[str, torch.Tensor], record: str) -> str:
    """Return a digest of a text and of the names, dtypes, shapes and values of contiguous tensors on the CPU."""
    digest = hashlib.blake2b(record.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
