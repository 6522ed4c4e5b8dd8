"""Device and precision of the measurements of adapters."""

import time

import torch

from ilora.benchmarks.claims import describe_processor

_TOKENS, _WIDTH_IN, _WIDTH_OUT = 256, 4096, 11008
_LEAST_GAIN = 2.0


def describe(device: torch.device, dtype: torch.dtype) -> str:
    """Return the name of a device of type ``cpu`` or ``cuda``, and the precision."""
    precision = str(dtype).removeprefix("torch.")
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {precision}"
    return f"{describe_processor()}, {torch.get_num_threads()} threads, {precision}"


def sensible_precision(device: torch.device) -> torch.dtype:
    """Return bfloat16 for a GPU and for a processor that is at least twice as fast with it, else float32.

    The processor is timed on a matrix product of Llama-2-7B's feed-forward block.
    """
    if device.type == "cuda":
        return torch.bfloat16
    gain = _product_seconds(torch.float32) / _product_seconds(torch.bfloat16)
    return torch.bfloat16 if gain >= _LEAST_GAIN else torch.float32


def _product_seconds(dtype: torch.dtype) -> float:
    left, right = torch.ones(_TOKENS, _WIDTH_IN, dtype=dtype), torch.ones(_WIDTH_IN, _WIDTH_OUT, dtype=dtype)
    durations = []
    for _ in range(4):
        begun = time.perf_counter()
        left @ right
        durations.append(time.perf_counter() - begun)
    return min(durations)
