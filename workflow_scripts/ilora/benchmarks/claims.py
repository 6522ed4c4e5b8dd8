"""Claims: our measurement against a reference in interleaved pairs, as a ratio with its interval."""

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ilora.artifacts.hardware import PROCESSORS, processor_name
from ilora.artifacts.writing import atomic_path

REPEATS = 20
"""Default number of measured pairs."""


@dataclass(frozen=True)
class Claim:
    """One measured comparison.

    ``ours`` and ``reference`` are medians in ``unit``; lower is better. ``ratio`` is the median of the pairs' ratios
    ours / reference, ``ratio_low`` and ``ratio_high`` are its 95 % bootstrap interval over the pairs, and ``target`` is
    the largest ratio that satisfies the claim.
    """

    claim: str
    ours: float
    reference: float
    unit: str
    ratio: float
    ratio_low: float
    ratio_high: float
    repeats: int
    target: float
    hardware: str


def compare_times(
    claim: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    target: float,
    repeats: int = REPEATS,
    warm_up: int = 3,
    hardware: str | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Claim:
    """Time both sides alternately, so that drift of the machine's speed affects them equally.

    Args:
        claim: name of the claim.
        ours: runs our side once.
        reference: runs the reference once.
        target: largest ratio that satisfies the claim.
        repeats: number of measured pairs, at least 2.
        warm_up: number of preceding pairs that are discarded.
        hardware: description of the hardware; None for the processor.
        clock: clock in seconds.

    Raises:
        ValueError: `repeats` is below 2.
    """

    def seconds(run: Callable[[], object]) -> float:
        begun = clock()
        run()
        return clock() - begun

    return compare(
        claim,
        lambda: seconds(ours),
        lambda: seconds(reference),
        unit="s",
        target=target,
        repeats=repeats,
        warm_up=warm_up,
        hardware=hardware,
    )


def compare(
    claim: str,
    ours: Callable[[], float],
    reference: Callable[[], float],
    *,
    unit: str,
    target: float,
    repeats: int = REPEATS,
    warm_up: int = 0,
    hardware: str | None = None,
) -> Claim:
    """Measure both sides alternately; the order within a pair alternates.

    Args:
        claim: name of the claim.
        ours: measures our side, in ``unit``; lower is better.
        reference: measures the reference, positive.
        unit: unit of both measurements.
        target: largest ratio that satisfies the claim.
        repeats: number of measured pairs, at least 2.
        warm_up: number of preceding pairs that are discarded.
        hardware: description of the hardware; None for the processor.

    Raises:
        ValueError: `repeats` is below 2.
    """
    if repeats < 2:
        raise ValueError(f"found repeats = {repeats}, expected at least 2 repeats for an interval")
    pairs = np.array([_pair(ours, reference, number % 2 == 1) for number in range(warm_up + repeats)])[warm_up:]
    ratio, low, high = ratio_interval(pairs[:, 0] / pairs[:, 1])
    return Claim(
        claim=claim,
        ours=float(np.median(pairs[:, 0])),
        reference=float(np.median(pairs[:, 1])),
        unit=unit,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        repeats=repeats,
        target=target,
        hardware=hardware or describe_processor(),
    )


def ratio_interval(ratios: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the median of some ratios and its 95 % bootstrap interval over them."""
    drawn = np.random.default_rng(0).choice(ratios, size=(2000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return float(np.median(ratios)), float(low), float(high)


def write_claims(claims: Sequence[Claim], path: str | os.PathLike[str]) -> None:
    """Write claims as a JSON list, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps([asdict(claim) for claim in claims], indent=2) + "\n", encoding="utf-8")


def show_claim(claim: Claim) -> str:
    """Return a claim as one line of text."""
    return (
        f"{claim.claim}: {claim.ours:.4g} {claim.unit} against {claim.reference:.4g} {claim.unit}, ratio "
        f"{claim.ratio:.3f} [{claim.ratio_low:.3f}, {claim.ratio_high:.3f}] over {claim.repeats} pairs, "
        f"target at most {claim.target:.3g} ({claim.hardware})"
    )


def _pair(ours: Callable[[], float], reference: Callable[[], float], reference_first: bool) -> tuple[float, float]:
    if reference_first:
        of_reference = reference()
        return ours(), of_reference
    return ours(), reference()


def describe_processor(processors: Path = PROCESSORS) -> str:
    """Return the processor's model name, its number of cores and the operating system.

    Args:
        processors: file that `processor_name` reads.
    """
    return f"{processor_name(processors)}, {os.cpu_count()} cores, {platform.system()}"
