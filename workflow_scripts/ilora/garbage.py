"""Spares the garbage collector what a process has imported."""

import functools
import gc


@functools.cache
def spare_imports() -> None:
    """Have the garbage collector pass over all that exists by now; further calls in a process do nothing.

    What is imported stays until the process ends. A job on PyTorch and PEFT holds four thousand modules, and would look
    through all of them several times, and for two seconds more at its end.
    """
    gc.freeze()
