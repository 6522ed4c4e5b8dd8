"""The table of sequence representations that a server looks users up in."""

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
    """Return the table, float32 [users, width], mapped into memory: a row is read from the file when it is needed."""
    with safe_open(path, framework="pt") as file:
        table: torch.Tensor = file.get_tensor(_NAME)
    return table
