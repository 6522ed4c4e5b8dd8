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


def open_table(path: Path) -> torch.Tensor:
    """Return the memory-mapped table, float32 [users, width]: rows are read from the file on demand."""
    with safe_open(path, framework="pt") as file:
        table: torch.Tensor = file.get_tensor(_NAME)
    return table
