"""Several computations timed in turn, so that drift in the machine's speed affects all alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ilora.benchmarks.claims import Claim, ratio_interval

_Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Times:
    """The times of one computation.

    Attributes:
        seconds: float64 [rounds, calls].
    """

    seconds: _Seconds

    def quantile(self, share: float) -> float:
        """Return a quantile over all calls, in seconds."""
        return float(np.quantile(self.seconds, share))

    @property
    def medians(self) -> _Seconds:
        """The median of each round, float64 [rounds]."""
        return np.median(self.seconds, axis=1)

    def claim(self, name: str, reference: "Times", target: float, hardware: str) -> Claim:
        """Return a comparison of the rounds' medians with those of another computation in the same rounds."""
        ratio, low, high = ratio_interval(self.medians / reference.medians)
        return Claim(
            claim=name,
            ours=float(np.median(self.medians)),
            reference=float(np.median(reference.medians)),
            unit="s",
            ratio=ratio,
            ratio_low=low,
            ratio_high=high,
            repeats=len(self.medians),
            target=target,
            hardware=hardware,
        )


def time_in_rounds(
    runs: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    calls: int,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Time each run ``calls`` times per round, in random order within the round.

    Args:
        runs: computations by name.
        rounds: number of rounds, after one more for warming up.
        calls: calls of each run per round.
        seed: random seed of the order.
        clock: returns seconds.
    """
    generator = np.random.default_rng(seed)
    names = list(runs)
    seconds: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(rounds + 1):
        for place in generator.permutation(len(names)):
            name = names[place]
            seconds[name].append([_seconds(runs[name], clock) for _ in range(calls)])
    return {name: Times(np.array(of_run[1:])) for name, of_run in seconds.items()}


def _seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    run()
    return clock() - begun
