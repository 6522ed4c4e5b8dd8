"""The rate of one large matrix product in bfloat16, the reference for the operations of a step."""

from functools import cache
from statistics import median

import torch

from ilora.benchmarks.gpu.timing import repeated_seconds

_REPEATS, _WARM_UP = 20, 5


@cache
def peak_rate(device: torch.device, width: int) -> float:
    """Return the operations per second of the product of two random square matrices, measured once per process.

    Args:
        device: device of the matrices.
        width: width of the matrices.
    """
    left, right = (torch.randn(width, width, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * width**3 / median(repeated_seconds(lambda: left @ right, device, _REPEATS, _WARM_UP))
