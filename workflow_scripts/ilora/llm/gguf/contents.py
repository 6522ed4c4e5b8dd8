"""The metadata of a GGUF file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFReader

from ilora.llm.model.backbones import BackboneError

_MAGIC = b"GGUF"
_TOKENS = "tokenizer.ggml.tokens"

#: Tensors and the key with which llama.cpp scales rotary positions, and which transformers ignores.
_UNREAD_TENSORS = ("rope_freqs.", "rope_factors_")
_UNREAD_KEY = "rope.scaling.type"


@dataclass(frozen=True)
class GgufContents:
    """A GGUF file without its tensors.

    Attributes:
        path: path of the file.
        metadata: value of each key; for an array, its length.
        tensor_types: number of tensors of each type, such as ``{"F32": 61, "Q4_1": 211}``.
    """

    path: Path
    metadata: Mapping[str, Any]
    tensor_types: Mapping[str, int]

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture, such as ``llama``."""
        return str(self.metadata["general.architecture"])

    @property
    def pre_tokenizer(self) -> str | None:
        """llama.cpp's name of the pre-tokenizer; None if the file does not specify one."""
        return self.metadata.get("tokenizer.ggml.pre")

    @property
    def facts(self) -> dict[str, Any]:
        """The model's facts for a record; None where the file specifies nothing, such as the licence."""
        general = {key: self.metadata.get(f"general.{key}") for key in ("name", "organization", "license")}
        named = {key: self.metadata.get(f"general.license.{key}") for key in ("name", "link")}
        return {
            **general,
            "architecture": self.architecture,
            **{f"license_{key}": value for key, value in named.items() if value is not None},
            "tensor_types": dict(self.tensor_types),
        }


def read_gguf(path: Path) -> GgufContents:
    """Read the metadata of a GGUF file, which must be complete.

    Raises:
        FileNotFoundError: there is no such file.
        BackboneError: it is not a GGUF file, is truncated, is one part of several, or has no tokenizer; or it scales
            its rotary positions in a way that transformers would silently ignore.
    """
    with path.open("rb") as file:
        begins = file.read(len(_MAGIC))
    if begins != _MAGIC:
        raise BackboneError(
            f"{path}: begins with {begins!r}, expected {_MAGIC!r}: it is not a GGUF file. Get it again."
        )
    try:
        reader = GGUFReader(path)
        metadata = {key: _value(field) for key, field in reader.fields.items()}
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        size = path.stat().st_size
        raise BackboneError(
            f"{path}: is truncated or damaged: found {size} bytes, from which not everything named in its header can "
            f"be read ({type(error).__name__}: {error}). Get it again."
        ) from error
    types = sorted(tensor.tensor_type.name for tensor in reader.tensors)
    contents = GgufContents(path, metadata, {kind: types.count(kind) for kind in dict.fromkeys(types)})
    _check(contents, [tensor.name for tensor in reader.tensors])
    return contents


def _value(field: Any) -> Any:
    return len(field.data) if len(field.types) > 1 else field.contents()


def _check(contents: GgufContents, tensors: list[str]) -> None:
    path, metadata = contents.path, contents.metadata
    if "general.architecture" not in metadata:
        raise BackboneError(
            f"{path}: found no key general.architecture, expected the architecture's name. Get it again."
        )
    parts = metadata.get("split.count", 1)
    if parts > 1:
        raise BackboneError(
            f"{path}: is one of {parts} parts, expected a whole model. Join them (llama-gguf-split --merge FIRST OUT)."
        )
    if not metadata.get(_TOKENS):
        raise BackboneError(
            f"{path}: found no tokenizer (key {_TOKENS}), expected the model's own. Use a GGUF file that has one, or "
            "set backbone.name to a directory with the model's tokenizer and safetensors."
        )
    stretched = [name for name in tensors if name.startswith(_UNREAD_TENSORS)]
    scaling = metadata.get(f"{contents.architecture}.{_UNREAD_KEY}", "none")
    if contents.architecture != "gpt-oss" and (stretched or scaling != "none"):
        found = ", ".join(stretched) or f"{contents.architecture}.{_UNREAD_KEY}: {scaling}"
        raise BackboneError(
            f"{path}: scales its rotary positions ({found}), which transformers does not read from GGUF: every "
            "result would be wrong. Set backbone.name to the model's directory of safetensors, or to its name on the "
            "hub."
        )
