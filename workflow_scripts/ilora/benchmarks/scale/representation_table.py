"""The table of all users' sequence representations."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

_NAME = "sequence_representations"


def write_random_table(path: Path, users: int, width: int, seed: int = 0) -> None:
    """Write standard normal representations, float32 [users, width], as a safetensors file."""
    generator = torch.Generator().manual_seed(seed)
    save_file({_NAME: torch.randn(users, width, generator=generator)}, path)


def read_table(path: Path) -> torch.Tensor:
    """Return the table, float32 [users, width], in memory.

    NumPy asks Linux for huge pages where an array is large: with small ones, the processor would look up the address of
    nearly every row in tables of its own.
    """
    with safe_open(path, framework="np") as file:
        return torch.from_numpy(file.get_tensor(_NAME).copy())
