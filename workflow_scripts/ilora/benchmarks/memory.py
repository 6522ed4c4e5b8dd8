"""Peak memory of a computation, counted in the bytes that torch's allocators hand out.

The process's own figure (its largest resident set) grows with blocks that the C library keeps back and cannot be set
back, so allocations are followed instead: the count is the same in every run of the same computation. With a C library
that gives every block back at once (MALLOC_MMAP_THRESHOLD_=65536) the resident set agreed: it was 4 to 5 MiB above
counts of 178 to 531 MiB, for what the matrix product's libraries set aside outside torch's allocators.
"""

from collections.abc import Callable, Iterable

import torch
from torch.autograd.profiler import profile


def peak_bytes(run: Callable[[], object], device: torch.device) -> int:
    """Give the most bytes that a run holds at one time beyond those held before it.

    Args:
        run: should free what it allocates, gradients too.
        device: of kind ``cpu`` or ``cuda``.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(profile_memory=True) as profiler:
        run()
    assert profiler.kineto_results is not None  # which it is once the profiler has ended
    changes = [event for event in profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        held += change.nbytes()
        peak = max(peak, held)
    return peak


def held_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Give the bytes of the storages behind tensors, each counted once however many tensors share it."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
