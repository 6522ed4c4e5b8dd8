"""Tensors are read back exactly as written, or refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.tensors import read_metadata, read_tensors, write_tensors

TENSORS = {
    "weights": torch.arange(12, dtype=torch.float32).reshape(3, 4).T,  # not contiguous
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "step": torch.tensor(7),
    "none": torch.zeros(0, 3),
}


def test_round_trip(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "model.safetensors", {"method": "ilora", "experts": "4"})
    read = read_tensors(tmp_path / "model.safetensors")
    assert read.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
    assert read_metadata(tmp_path / "model.safetensors") == {"method": "ilora", "experts": "4"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_the_order_of_names_does_not_change_the_bytes(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "one.safetensors", {"a": "1", "b": "2"})
    write_tensors(dict(reversed(list(TENSORS.items()))), tmp_path / "two.safetensors", {"b": "2", "a": "1"})
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(TENSORS, path)
    content = path.read_bytes()
    for length in (0, 8, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError, match=r"model\.safetensors.*Delete this file and run"):
            read_tensors(path)


def test_a_flipped_bit_never_changes_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(TENSORS, path)
    content = path.read_bytes()
    accepted = 0
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        try:
            read = read_tensors(path)
        except ArtifactError:
            continue
        accepted += 1
        assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())
    assert accepted < len(content) // 10  # bits of the header outside any tensor, such as the digest's key


def test_a_file_of_another_library_is_read(tmp_path: Path) -> None:
    save_file({"weights": torch.ones(2)}, tmp_path / "adapter_model.safetensors", metadata={"format": "pt"})
    assert torch.equal(read_tensors(tmp_path / "adapter_model.safetensors")["weights"], torch.ones(2))
    assert read_metadata(tmp_path / "adapter_model.safetensors") == {}


def test_tensors_that_share_memory_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    tensor = torch.ones(4)
    with pytest.raises(RuntimeError, match="share memory"):
        write_tensors({"a": tensor, "b": tensor}, tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors: no such artifact"):
        read_tensors(tmp_path / "absent.safetensors")
