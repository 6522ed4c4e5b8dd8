"""Timing of computations, on a GPU with CUDA events."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch

from ilora.benchmarks.gpu.report import Figure


def seconds_of(run: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of a run; on a GPU, from the start of the first kernel to the end of the last."""
    if device.type != "cuda":
        begun = time.perf_counter()
        run()
        return time.perf_counter() - begun
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    begin.record()
    run()
    end.record()
    torch.cuda.synchronize(device)
    return begin.elapsed_time(end) / 1000


def repeated_seconds(run: Callable[[], object], device: torch.device, repeats: int, warm_up: int = 1) -> list[float]:
    """Return the seconds of each repeat, after discarded warm-up runs."""
    return [seconds_of(run, device) for _ in range(warm_up + repeats)][warm_up:]


def rate(name: str, amount: float, unit: str, seconds: Sequence[float], note: str = "") -> Figure:
    """Return the rate of an amount per second over the repeats: median, smallest and largest."""
    rates = [amount / each for each in seconds]
    return Figure(name, median(rates), unit, min(rates), max(rates), len(rates), note=note)
