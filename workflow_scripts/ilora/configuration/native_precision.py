"""The precision that this machine computes fast in."""

from functools import cache
from pathlib import Path
from typing import Literal

from ilora.artifacts.hardware import PROCESSORS, processor_fields, query_gpus

#: The field that lists them, of x86 and of Arm.
_FLAGS = frozenset({"flags", "Features"})
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
    capabilities = [float(capability) for capability in query_gpus("compute_cap")]
    if capabilities:
        return "bfloat16" if min(capabilities) >= _BFLOAT16_CAPABILITY else "float32"
    flags = {flag for field, value in processor_fields(processors) if field in _FLAGS for flag in value.split()}
    return "bfloat16" if flags & _BFLOAT16_FLAGS else "float32"
