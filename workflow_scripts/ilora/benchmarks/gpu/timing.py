"""Times of computations, on a GPU by its own clock."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch

from ilora.benchmarks.gpu.report import Figure


def seconds_of(run: Callable[[], object], device: torch.device) -> float:
    """Give the seconds that a run takes; of a GPU, from its first kernel's turn to the end of its last."""
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
    """Give the seconds of each of some runs, after others that do not count."""
    return [seconds_of(run, device) for _ in range(warm_up + repeats)][warm_up:]


def rate(name: str, amount: float, unit: str, seconds: Sequence[float], note: str = "") -> Figure:
    """Give an amount by the seconds that each repeat took for it, as median with the least and the largest."""
    rates = [amount / each for each in seconds]
    return Figure(name, median(rates), unit, min(rates), max(rates), len(rates), note=note)
