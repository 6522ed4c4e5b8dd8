"""Child processes that run modules of this library and do not outlive their context."""

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
    """Start ``python -m module``, and kill it at the end of the context if it is still running.

    Args:
        module: module of this library.
        arguments: command-line arguments of the module.
        environment: environment variables in addition to those of this process.
        folder: working directory; None for that of this process.
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
