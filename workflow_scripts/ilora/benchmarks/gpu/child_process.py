"""A process of this library's own, which does not outlive what it is for."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_LIBRARY = Path(__file__).parents[3]


@contextmanager
def child_process(
    module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start ``python -m module`` and kill it at the end, if it has not ended by itself.

    Args:
        module: of this library.
        arguments: of its own.
        environment: variables besides this process's.
        folder: that it works in; None for this process's.
    """
    search = os.pathsep.join([str(_LIBRARY), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {**os.environ, "PYTHONPATH": search, **(environment or {})}
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, env=variables, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
