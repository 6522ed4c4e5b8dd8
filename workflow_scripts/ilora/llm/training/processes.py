"""The processes of one training: one, or one per GPU."""

import torch
from torch import distributed


def process_count() -> int:
    """Return the number of processes that share this training."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_main_process() -> bool:
    """Return whether this process is the one that writes files."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def wait_for_all() -> None:
    """Wait until every process has reached this point."""
    if distributed.is_initialized():
        distributed.barrier()


def any_process(condition: bool) -> bool:
    """Return, on all processes, whether the condition holds on any of them."""
    return total_over_processes(int(condition)) > 0


def total_over_processes(number: int) -> int:
    """Return, on all processes, the sum of their numbers."""
    if not distributed.is_initialized():
        return number
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(number, device=device)
    distributed.all_reduce(total)
    return int(total)
