"""Confidence intervals for ratios of sums over the predictions of many users.

The rows of one user (candidate draws, seeds) are not independent, so what is drawn again is users: the
cluster bootstrap. It says how the number would vary over other users; it says nothing of seeds that were not
run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

Values = NDArray[np.float64]


@dataclass(frozen=True)
class IntervalSettings:
    """How intervals are computed.

    Attributes:
        confidence: coverage, between 0 and 1.
        samples: number of bootstrap samples.
        seed: seed of the bootstrap. One seed draws the same users for every method, so that differences are
            paired.
    """

    confidence: float = 0.95
    samples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Ratio:
    """A metric of one run: sum of `numerator` / sum of `denominator`.

    Attributes:
        users: the user of each row, integer [rows].
        numerator: float64 [rows].
        denominator: float64 [rows], not negative; 0 on rows that do not count.
    """

    users: NDArray[np.integer]
    numerator: Values
    denominator: Values

    @property
    def value(self) -> float:
        """The ratio; NaN when no row counts."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else float("nan")


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: the mean over the runs; NaN when it is not defined in one of them.
        low: lower end of the interval.
        high: upper end of the interval.
        n: number of users with a row that counts in some run.
    """

    value: float
    low: float
    high: float
    n: int


def estimate(runs: Sequence[Ratio], settings: IntervalSettings) -> Estimate:
    """Return the mean of a ratio over runs (seeds) on the same users, with its interval over users.

    With one run, at most one row per user that counts, and hits that are 0 or 1: the Wilson interval.
    Otherwise the percentile interval of the cluster bootstrap; samples of users in which no row counts are
    left out of it. When every sample gives the same value (such as a ValidRatio of 1), the bootstrap says
    nothing, and the Wilson interval over the number of users stands in for it, as if each user had one row:
    wider than need be, never narrower.

    Raises:
        ValueError: no runs, or runs on different users.
    """
    users = _common_users(runs)
    value = float(np.mean([run.value for run in runs]))
    n = _counted_users(runs)
    if np.isnan(value):
        return Estimate(value, float("nan"), float("nan"), n)
    if len(runs) == 1 and _is_proportion(runs[0]):
        return Estimate(value, *_wilson(value, n, settings), n)
    samples = _mean_samples(runs, _resampled_counts(len(users), settings))
    if _is_constant(samples) and 0.0 <= value <= 1.0:
        return Estimate(value, *_wilson(value, n, settings), n)
    return Estimate(value, *_percentiles(samples, settings), n)


def estimate_difference(first: Sequence[Ratio], second: Sequence[Ratio], settings: IntervalSettings) -> Estimate:
    """Return the mean ratio of `first` minus that of `second`, with its cluster-bootstrap interval.

    The same users are drawn for both sides, so the difference is paired by user. Each side may be the mean of
    several runs, and they need not have equally many.

    Raises:
        ValueError: no runs on one of the sides, or runs on different users.
    """
    users = _common_users([*first, *second])
    if not first or not second:
        raise ValueError("a difference needs runs on both sides; found none on one of them.")
    counts = _resampled_counts(len(users), settings)
    value = float(np.mean([run.value for run in first]) - np.mean([run.value for run in second]))
    samples = _mean_samples(first, counts) - _mean_samples(second, counts)
    return Estimate(value, *_percentiles(samples, settings), _counted_users([*first, *second]))


def _common_users(runs: Sequence[Ratio]) -> NDArray[np.integer]:
    if not runs:
        raise ValueError("an interval needs at least one run; found none.")
    users = np.unique(runs[0].users)
    for run in runs[1:]:
        if not np.array_equal(users, np.unique(run.users)):
            raise ValueError(
                f"the runs are on different users: {len(users)} in the first, "
                f"{len(np.unique(run.users))} in another, or not the same ones. Only runs on the "
                "same sequences can be averaged or compared."
            )
    return users


def _counted_users(runs: Sequence[Ratio]) -> int:
    return len(np.unique(np.concatenate([run.users[run.denominator > 0] for run in runs])))


def _is_proportion(run: Ratio) -> bool:
    counted = run.denominator > 0
    hits, users = run.numerator[counted], run.users[counted]
    return bool(np.isin(hits, (0.0, 1.0)).all() and len(np.unique(users)) == len(users))


def _resampled_counts(users: int, settings: IntervalSettings) -> Values:
    """Return how often each user is drawn in each sample, float64 [samples, users]."""
    generator = np.random.default_rng(np.random.SeedSequence([settings.seed, users]))
    counts = np.empty((settings.samples, users))
    for sample in range(settings.samples):
        counts[sample] = np.bincount(generator.integers(users, size=users), minlength=users)
    return counts


def _mean_samples(runs: Sequence[Ratio], counts: Values) -> Values:
    """Return the mean over runs of the ratio in every sample, float64 [samples]; NaN where no row counts."""
    return np.mean([_ratio_samples(run, counts) for run in runs], axis=0)


def _ratio_samples(run: Ratio, counts: Values) -> Values:
    _, user = np.unique(run.users, return_inverse=True)
    users = counts.shape[1]
    numerator = counts @ np.bincount(user, weights=run.numerator, minlength=users)
    denominator = counts @ np.bincount(user, weights=run.denominator, minlength=users)
    return np.divide(numerator, denominator, out=np.full(len(counts), np.nan), where=denominator > 0)


def _is_constant(samples: Values) -> bool:
    return bool(np.nanmax(samples) - np.nanmin(samples) < 1e-12)


def _percentiles(samples: Values, settings: IntervalSettings) -> tuple[float, float]:
    if np.isnan(samples).all():
        return float("nan"), float("nan")
    outside = (1.0 - settings.confidence) / 2.0
    low, high = np.nanquantile(samples, [outside, 1.0 - outside])
    return float(low), float(high)


def _wilson(value: float, n: int, settings: IntervalSettings) -> tuple[float, float]:
    low, high = proportion_confint(value * n, n, alpha=1.0 - settings.confidence, method="wilson")
    return float(low), float(high)
