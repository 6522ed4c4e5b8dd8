"""The precision in which this machine computes fast."""

from functools import cache
from pathlib import Path
from typing import Literal

from ilora.artifacts.hardware import PROCESSORS, processor_fields, query_gpus

#: Field with the flags of a processor, on x86 and on Arm.
_FLAGS = frozenset({"flags", "Features"})
#: Linux's flags for matrix instructions in bfloat16, on x86 (AMX) and on Arm. AVX-512 BF16 is not among them: with it
#: alone, a product took twice as long as in float32 (Intel Xeon, torch 2.13).
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "bf16"})
#: Compute capability of Ampere, the first with matrix multiplication in bfloat16.
_BFLOAT16_CAPABILITY = 8.0


@cache
def native_precision(processors: Path = PROCESSORS) -> Literal["bfloat16", "float32"]:
    """Return bfloat16 if this machine has matrix instructions for it, else float32.

    If there are GPUs, all of them must have the instructions. A processor without them computes more slowly in
    bfloat16 than in float32.

    Args:
        processors: Linux's list of processors. If it is missing, the precision is float32.
    """
    capabilities = [float(capability) for capability in query_gpus("compute_cap")]
    if capabilities:
        return "bfloat16" if min(capabilities) >= _BFLOAT16_CAPABILITY else "float32"
    flags = {flag for field, value in processor_fields(processors) if field in _FLAGS for flag in value.split()}
    return "bfloat16" if flags & _BFLOAT16_FLAGS else "float32"
