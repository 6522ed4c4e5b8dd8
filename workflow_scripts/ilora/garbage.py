"""Exclusion of imported modules from garbage collection."""

import functools
import gc


@functools.cache
def spare_imports() -> None:
    """Exclude all existing objects from garbage collection; further calls in a process are no-ops.

    Imported modules live until the process ends. A job with PyTorch and PEFT has four thousand of them; collecting them
    takes time several times during the job, and two seconds at its end.
    """
    gc.freeze()
