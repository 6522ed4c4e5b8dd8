"""Run-to-run variance, and intervals and tests over users that account for it.

The result of a trained method depends on the seed and, for one seed, on the processor. All trainings answer for the
same users, so users and trainings are crossed random effects, as cases and readers are in radiology. The variance of a
mean over S trainings is the variance of the S values divided by S, plus the variance over users, minus the interaction
of users and trainings, which both terms contain (two-way random effects; Hillis, 2007, Statistics in Medicine 26).

With few trainings, their variance is poorly estimated. Resampling three seeds does not reflect this and yields
intervals that are too narrow, so Student's t with S - 1 degrees of freedom is used. On each side of the value, its
half-width is combined in quadrature with that of the interval over users, as Howe (1974, Journal of the American
Statistical Association 69) does for the mean of a sum and Zou and Donner (2008, Statistics in Medicine 27) for any two
intervals.
The result is never narrower than the interval over users. `ilora.evaluation.simulation` measures its coverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize.elementwise import find_root
from scipy.stats import t

Values = NDArray[np.float64]


@dataclass(frozen=True)
class TrainingSpread:
    """Spread of a value over trainings.

    Attributes:
        sd: standard deviation over the trainings (n - 1), [...].
        trainings: number of trainings, at least 2.
    """

    sd: Values | float
    trainings: int

    @property
    def error(self) -> Values:
        """The standard error of the mean over the trainings, [...]."""
        return np.asarray(self.sd / np.sqrt(self.trainings))

    def quantile(self, p: Values | float) -> Values:
        """Return the quantile of Student's t that |t| exceeds with probability `p`, [...]."""
        return np.asarray(t.isf(np.asarray(p) / 2.0, self.trainings - 1))


@dataclass(frozen=True)
class TrainingVariation:
    """Variation over trainings of a mean over several trainings, or of a contrast of such means.

    Attributes:
        spreads: independent spreads, whose variances add up; empty where nothing was trained more than once.
        users_share: share of the variance over users that the spreads do not already contain, from 0 to 1, [...].
    """

    spreads: tuple[TrainingSpread, ...] = ()
    users_share: Values | float = 1.0

    def widen(self, value: Values, ends: tuple[Values, Values], confidence: float) -> tuple[Values, Values]:
        """Return the ends of an interval over users and trainings, [...] each.

        Args:
            value: the estimate, [...].
            ends: ends of its interval over users, [...] each.
            confidence: coverage, between 0 and 1.
        """
        if not self.spreads:
            return ends
        of_trainings = sum(np.square(spread.quantile(1.0 - confidence) * spread.error) for spread in self.spreads)
        of_users = np.square(value - ends[0]), np.square(ends[1] - value)
        low, high = (np.sqrt(np.maximum(square, self.users_share * square + of_trainings)) for square in of_users)
        return value - low, value + high

    def widen_p_value(self, p: Values, difference: Values, users: int) -> Values:
        """Return p-values over users and trainings, [...], for the hypothesis that a difference is 0.

        They invert `widen`: each is the level at which the widened interval ends at 0. A p-value over users is first
        converted to the standard error for which Student's t over these users yields that p-value.

        Args:
            p: p-values over users, [...], above 0.
            difference: the differences, [...].
            users: number of users, at least 2.
        """
        if not self.spreads:
            return p
        decided = (p >= 1.0) | (difference == 0.0)
        over_users, size = np.where(decided, 0.5, p), np.where(decided, 1.0, np.abs(difference))
        arguments = np.broadcast_arrays(
            t.isf(over_users / 2.0, users - 1), size, self.users_share, *(spread.error for spread in self.spreads)
        )

        def excess(log_p: Values, of_users: Values, size: Values, share: Values, *errors: Values) -> Values:
            level = np.exp(log_p)
            quantiles = [spread.quantile(level) for spread in self.spreads]
            of_trainings = sum(map(np.square, [q * error / size for q, error in zip(quantiles, errors, strict=True)]))
            return np.asarray(share * np.square(t.isf(level / 2.0, users - 1) / of_users) + of_trainings - 1.0)

        # Without a change of sign, the trainings add nothing and the root is NaN.
        root = find_root(excess, (np.log(over_users), np.zeros(over_users.shape)), args=tuple(arguments)).x
        return np.where(decided, p, np.fmax(np.exp(root), p))


def half_width_over_trainings(numbers: Sequence[Values] | Values, confidence: float) -> Values:
    """Return the half-width of Student's t interval of the mean over several trainings, [...].

    Args:
        numbers: values of at least 2 trainings, [trainings, ...].
        confidence: coverage, between 0 and 1.
    """
    spread = TrainingSpread(np.std(numbers, axis=0, ddof=1), len(numbers))
    return spread.quantile(1.0 - confidence) * spread.error


def variation_over_trainings(values: Sequence[Values], influences: Sequence[Values]) -> TrainingVariation:
    """Return the variation over trainings of a sum of means, such as the difference of two methods.

    Summands with the same number of runs are paired in order, since runs with the same seed share their inputs;
    otherwise they are independent. A summand with one run adds no spread.

    Args:
        values: values of each summand, float64 [runs, ...].
        influences: influence of each user on these values, float64 [runs, ..., users]; see
            `ilora.evaluation.intervals.UserSums.influences`.
    """
    several = [place for place, of_runs in enumerate(values) if len(of_runs) > 1]
    if len({len(values[place]) for place in several}) == 1:
        pairs = [[np.sum([whole[place] for place in several], axis=0)] for whole in (values, influences)]
    else:
        pairs = [[whole[place] for place in several] for whole in (values, influences)]
    spreads = tuple(TrainingSpread(numbers.std(axis=0, ddof=1), len(numbers)) for numbers in pairs[0])
    of_users = np.square(sum(influence.mean(axis=0) for influence in influences)).sum(axis=-1)
    of_both = sum(map(_variance_of_both, pairs[1]), start=np.zeros(of_users.shape))
    shares = 1.0 - np.divide(of_both, of_users, out=np.zeros(of_users.shape), where=of_users > 0.0)
    return TrainingVariation(spreads, np.clip(shares, 0.0, 1.0))


def _variance_of_both(influences: Values) -> Values:
    """Return the part of the variance of a mean over trainings due to the user-training interaction, [...]."""
    trainings = len(influences)
    own = influences - influences.mean(axis=0)
    return np.asarray((own * own).sum(axis=(0, -1)) / (trainings - 1) / trainings)
