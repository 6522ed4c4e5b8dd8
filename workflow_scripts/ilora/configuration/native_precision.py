"""The precision that this machine computes fast in."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Literal

from ilora.artifacts.hardware import PROCESSORS

#: What Linux calls the instructions for bfloat16: of x86 (AMX, AVX-512) and of Arm.
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
#: From Ampere on, GPUs multiply matrices of bfloat16.
_BFLOAT16_CAPABILITY = 8.0


@cache
def native_precision(processors: Path = PROCESSORS) -> Literal["bfloat16", "float32"]:
    """Return bfloat16 where this machine has instructions for it, else float32.

    Where there are GPUs, they decide; all of them must have the instructions. A processor without them emulates
    bfloat16 at a small fraction of its speed in float32.

    Args:
        processors: Linux's list of processors. Where it is missing, the precision is float32.
    """
    capabilities = _compute_capabilities()
    if capabilities:
        return "bfloat16" if min(capabilities) >= _BFLOAT16_CAPABILITY else "float32"
    return "bfloat16" if _flags(processors) & _BFLOAT16_FLAGS else "float32"


def _flags(processors: Path) -> set[str]:
    if not processors.is_file():
        return set()
    entries = (line.partition(":") for line in processors.read_text(encoding="utf-8").splitlines())
    return {flag for key, _, value in entries if key.strip() in {"flags", "Features"} for flag in value.split()}


def _compute_capabilities() -> list[float]:
    """Return the compute capability of each GPU that NVIDIA's own tool lists; none where there is no such tool."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [float(line) for line in answer.stdout.split()] if answer.returncode == 0 else []
