"""The machine that an artifact was made on, for its record."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path

PROCESSORS = Path("/proc/cpuinfo")

_GIBIBYTE = 2**30


def processor_name(processors: Path = PROCESSORS) -> str:
    """Return the processor's model name.

    Args:
        processors: Linux's list of processors; where it or its model name is missing, Python's own answer stands in.
    """
    name = _listed_name(processors) or platform.processor() or platform.machine()
    return name or "unknown"


@cache
def describe_machine() -> dict[str, str | int | list[str]]:
    """Return processor, cores, memory and graphics processors; the last are all of the machine, used or not."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 0,
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIBIBYTE:.0f} GiB",
        "gpus": _graphics_processors(),
    }


def _listed_name(processors: Path) -> str | None:
    if not processors.is_file():
        return None
    entries = (line.partition(":") for line in processors.read_text(encoding="utf-8").splitlines())
    return next((value.strip() for key, _, value in entries if key.strip() == "model name"), None)


def _graphics_processors() -> list[str]:
    """Return the names that NVIDIA's own tool lists; none where there is no such tool."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.strip().splitlines() if answer.returncode == 0 else []
