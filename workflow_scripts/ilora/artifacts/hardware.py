"""Description of the machine for provenance records."""

import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROCESSORS = Path("/proc/cpuinfo")

_GIBIBYTE = 2**30


def processor_name(processors: Path = PROCESSORS) -> str:
    """Return the processor's model name.

    Args:
        processors: Linux's list of processors; if it or the model name is missing, Python's `platform` is used.
    """
    listed = next((value for field, value in processor_fields(processors) if field == "model name"), None)
    name = listed or platform.processor() or platform.machine()
    return name or "unknown"


@cache
def describe_machine() -> dict[str, str | int | list[str]]:
    """Return the processor, cores, memory and all GPUs of the machine, used or not."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 0,
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIBIBYTE:.0f} GiB",
        "gpus": query_gpus("name,memory.total"),
    }


def processor_fields(processors: Path = PROCESSORS) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each field in Linux's list of processors; nothing if it is missing."""
    if processors.is_file():
        for line in processors.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            yield name.strip(), value.strip()


def query_gpus(fields: str) -> list[str]:
    """Return a line of ``nvidia-smi`` for each GPU; empty if the tool is missing or fails.

    Args:
        fields: fields of ``nvidia-smi --query-gpu``, separated by commas.
    """
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.strip().splitlines() if answer.returncode == 0 else []
