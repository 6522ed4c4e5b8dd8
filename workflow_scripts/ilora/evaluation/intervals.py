"""Confidence intervals for ratios of sums over the predictions of many users.

The rows of one user (candidate draws, seeds) are not independent, so the user is the sampling unit. The interval of one
run covers the variation over users, given its training; the interval of a mean over several trainings covers the
variation over users and trainings.

- One run with one binary answer per user: the Wilson interval.
- Otherwise: the cluster bootstrap over users, `ilora.evaluation.bootstrap`.
- If fewer than `FEWEST_USERS` users keep the ratio above 0, or below 1 (such as a ValidRatio of 0.99 over 95 users),
  the bootstrap interval is too narrow. The Wilson interval over the number of users replaces it, as if each user had
  one answer. This is conservative.
- With several trainings, the interval over users is widened by the variation over runs: `ilora.evaluation.trainings`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from ilora.evaluation.bootstrap import Values, bca_interval, resampled_users
from ilora.evaluation.trainings import TrainingVariation, variation_over_trainings

#: With fewer users than this above 0 or below 1, the bootstrap over users is not used. `ilora.evaluation.simulation`
#: measures coverage with this limit; without it, coverage fell to 89 % at a rate of 0.02.
FEWEST_USERS = 7


@dataclass(frozen=True)
class IntervalSettings:
    """How intervals are computed.

    Attributes:
        confidence: coverage, between 0 and 1.
        samples: number of bootstrap samples.
        seed: random seed of the bootstrap. All methods are resampled with the same users, so differences are paired.
    """

    confidence: float = 0.95
    samples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Ratio:
    """A metric of one run: sum of `numerator` / sum of `denominator`.

    Attributes:
        users: the user of each row, integer [rows].
        numerator: float64 [rows], between 0 and `denominator`.
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

    def of_rows(self, rows: NDArray[np.bool_]) -> "Ratio":
        """Return the ratio over the selected rows and their users only; `rows` is bool [rows]."""
        return Ratio(self.users[rows], self.numerator[rows], self.denominator[rows])

    def counting(self, rows: NDArray[np.bool_]) -> "Ratio":
        """Return the ratio over the selected rows, keeping all users; `rows` is bool [rows]."""
        return Ratio(self.users, self.numerator * rows, self.denominator * rows)


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: mean over the runs; NaN when a run's value is undefined.
        low: lower end of the interval.
        high: upper end of the interval.
        n: number of users with a row that counts in any run.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class UserSums:
    """The same ratio in several runs, summed by user; the estimate is the mean over the runs.

    Attributes:
        numerator: float64 [runs, ..., users]; the middle axes hold estimates that are computed together.
        denominator: float64, of the same shape or broadcastable to it.
    """

    numerator: Values
    denominator: Values

    @property
    def value(self) -> Values:
        """The estimates, float64 [...]; NaN where a run has no row that counts."""
        return self.ratios.mean(axis=0)

    @property
    def ratios(self) -> Values:
        """The ratio of each run, float64 [runs, ...]; NaN where no row counts."""
        return _divide(self.numerator.sum(axis=-1), self.denominator.sum(axis=-1))

    @property
    def influences(self) -> Values:
        """Influence of each user on the ratio of each run, by linearisation, float64 [runs, ..., users]."""
        totals = self.denominator.sum(axis=-1, keepdims=True)
        deviations = self.numerator - self.ratios[..., None] * self.denominator
        return _divide(deviations, np.broadcast_to(totals, deviations.shape))

    @property
    def influence(self) -> Values:
        """Influence of each user on the estimate, float64 [..., users]."""
        return self.influences.mean(axis=0)

    def resampled(self, settings: IntervalSettings) -> Values:
        """Return the estimates in every bootstrap sample, float64 [..., samples]; NaN where no row counts."""
        counts = resampled_users(self.numerator.shape[-1], settings.samples, settings.seed)
        return _divide(self.numerator @ counts.T, self.denominator @ counts.T).mean(axis=0)


def estimate(runs: Sequence[Ratio], settings: IntervalSettings) -> Estimate:
    """Return the mean of a ratio over runs (seeds) on the same users, with its interval.

    The interval of one run covers users; that of several runs covers users and trainings.

    Raises:
        ValueError: there are no runs, or the runs have different users.
    """
    users = _common_users(runs)
    n = _counted_users(runs)
    sums = sum_by_user(runs, users)
    value = float(sums.value)
    if np.isnan(value):
        return Estimate(value, float("nan"), float("nan"), n)
    if len(runs) == 1 and _is_proportion(runs[0]):
        low, high = wilson_interval(sums.value, np.asarray(n), settings.confidence)
    else:
        low, high = interval_of_mean(sums, settings)
    return Estimate(value, float(low), float(high), n)


def interval_of_mean(sums: UserSums, settings: IntervalSettings) -> tuple[Values, Values]:
    """Return the ends of the interval of mean ratios in [0, 1], over users and, with several runs, trainings."""
    variation = variation_over_trainings([sums.ratios], [sums.influences])
    low, high = variation.widen(sums.value, _interval_over_users(sums, settings), settings.confidence)
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def _interval_over_users(sums: UserSums, settings: IntervalSettings) -> tuple[Values, Values]:
    n = (sums.denominator > 0).any(axis=0).sum(axis=-1)
    bootstrap = bca_interval(
        sums.value, sums.resampled(settings), sums.influence, np.maximum(n, 2), settings.confidence
    )
    above_0 = (sums.numerator > 0).any(axis=0).sum(axis=-1)
    below_1 = (sums.numerator < sums.denominator).any(axis=0).sum(axis=-1)
    few = np.minimum(above_0, below_1) < FEWEST_USERS
    wilson = wilson_interval(sums.value, n, settings.confidence)
    return np.where(few, wilson[0], bootstrap[0]), np.where(few, wilson[1], bootstrap[1])


def estimate_difference(first: Sequence[Ratio], second: Sequence[Ratio], settings: IntervalSettings) -> Estimate:
    """Return the mean ratio of `first` minus that of `second`, with its interval.

    The same users are resampled on both sides, so the difference is paired by user. Each side may be a mean over
    several trainings; see `variation_of_difference` for their pairing.

    Raises:
        ValueError: a side has no runs, or the runs have different users.
    """
    users = _common_users([*first, *second])
    if not first or not second:
        raise ValueError("a difference needs runs on both sides; found none on one side.")
    sides = sum_by_user(first, users), sum_by_user(second, users)
    value = float(sides[0].value - sides[1].value)
    low, high = difference_interval(*sides, settings)
    return Estimate(value, float(low), float(high), _counted_users([*first, *second]))


def difference_interval(first: UserSums, second: UserSums, settings: IntervalSettings) -> tuple[Values, Values]:
    """Return the lower and upper ends of the interval of `first` minus `second`, paired by user, float64 [...] each.

    Both sides have the same users in the same order; their numbers of runs may differ.
    """
    counted = (first.denominator > 0).any(axis=0) | (second.denominator > 0).any(axis=0)
    over_users = bca_interval(
        first.value - second.value,
        first.resampled(settings) - second.resampled(settings),
        first.influence - second.influence,
        np.maximum(counted.sum(axis=-1), 2),
        settings.confidence,
    )
    variation = variation_of_difference(first, second)
    low, high = variation.widen(first.value - second.value, over_users, settings.confidence)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)


def variation_of_difference(first: UserSums, second: UserSums) -> TrainingVariation:
    """Return the variation over trainings of `first` minus `second`.

    If both sides have the same number of runs, they are paired in order, since trainings with the same seed share their
    recommender. A side with one run adds nothing.
    """
    return variation_over_trainings([first.ratios, -second.ratios], [first.influences, -second.influences])


def _common_users(runs: Sequence[Ratio]) -> NDArray[np.integer]:
    if not runs:
        raise ValueError("an interval needs at least one run; found none.")
    users = np.unique(runs[0].users)
    for run in runs[1:]:
        if not np.array_equal(users, np.unique(run.users)):
            raise ValueError(
                f"the runs have different users: {len(users)} in the first run and "
                f"{len(np.unique(run.users))} in another, or as many but not the same. Only runs on the "
                "same sequences can be averaged or compared."
            )
    return users


def _counted_users(runs: Sequence[Ratio]) -> int:
    return len(np.unique(np.concatenate([run.users[run.denominator > 0] for run in runs])))


def _is_proportion(run: Ratio) -> bool:
    counted = run.denominator > 0
    hits, users = run.numerator[counted], run.users[counted]
    return bool(np.isin(hits, (0.0, 1.0)).all() and len(np.unique(users)) == len(users))


def sum_by_user(runs: Sequence[Ratio], users: NDArray[np.integer]) -> UserSums:
    """Return the sums over each user's rows, in the order of `users`, which are ascending."""
    numerators, denominators = np.empty((2, len(runs), len(users)))
    for index, run in enumerate(runs):
        user = np.searchsorted(users, run.users)
        numerators[index] = np.bincount(user, weights=run.numerator, minlength=len(users))
        denominators[index] = np.bincount(user, weights=run.denominator, minlength=len(users))
    return UserSums(numerators, denominators)


def _divide(numerator: Values, denominator: Values) -> Values:
    """Return the quotients; NaN where the denominator is not positive."""
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)


def wilson_interval(value: Values, n: NDArray[np.integer], confidence: float) -> tuple[Values, Values]:
    """Return the lower and upper ends of the Wilson intervals of proportions of `n` answers, float64 [...] each."""
    low, high = proportion_confint(value * n, n, alpha=1.0 - confidence, method="wilson")
    # The interval contains the proportion except for rounding errors at 0 and 1.
    return np.minimum(low, value), np.maximum(high, value)
