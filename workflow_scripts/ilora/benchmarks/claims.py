"""A claim: ours against a reference, in interleaved pairs, as a ratio with its spread."""

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ilora.artifacts.writing import atomic_path


@dataclass(frozen=True)
class Claim:
    """One measured comparison.

    ``ours`` and ``reference`` are medians in ``unit``, lower is better. ``ratio`` is the median of the pairs' ratios
    ours / reference, ``ratio_low`` and ``ratio_high`` its 95 % bootstrap interval over the pairs, ``target`` the ratio
    that is claimed at most.
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
    repeats: int = 20,
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> Claim:
    """Time the two in turn, so that a machine whose speed drifts is unfair to neither.

    Args:
        claim: the claim's name.
        ours: one run of ours.
        reference: one run of the reference.
        target: the ratio claimed at most.
        repeats: pairs that count, at least 2.
        warm_up: pairs before them that do not.
        clock: seconds.

    Raises:
        ValueError: if fewer than 2 repeats are asked for.
    """
    if repeats < 2:
        raise ValueError(f"a spread needs at least 2 repeats, found {repeats}")
    pairs = np.array([(_seconds(ours, clock), _seconds(reference, clock)) for _ in range(warm_up + repeats)])[warm_up:]
    ratios = pairs[:, 0] / pairs[:, 1]
    drawn = np.random.default_rng(0).choice(ratios, size=(2000, repeats))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return Claim(
        claim=claim,
        ours=float(np.median(pairs[:, 0])),
        reference=float(np.median(pairs[:, 1])),
        unit="s",
        ratio=float(np.median(ratios)),
        ratio_low=float(low),
        ratio_high=float(high),
        repeats=repeats,
        target=target,
        hardware=f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
    )


def write_claims(claims: Sequence[Claim], path: str | os.PathLike[str]) -> None:
    """Write claims as a JSON list, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps([asdict(claim) for claim in claims], indent=2) + "\n")


def show_claims(claims: Sequence[Claim]) -> str:
    """Give one line a claim."""
    return "\n".join(
        f"{claim.claim}: {claim.ours:.4g} {claim.unit} against {claim.reference:.4g} {claim.unit}, ratio "
        f"{claim.ratio:.3f} [{claim.ratio_low:.3f}, {claim.ratio_high:.3f}] over {claim.repeats} pairs, "
        f"target at most {claim.target:g}"
        for claim in claims
    )


def _seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    run()
    return clock() - begun
