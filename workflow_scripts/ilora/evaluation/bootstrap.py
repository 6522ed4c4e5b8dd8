"""The cluster bootstrap over users: users are resampled with all their rows.

The interval is the bias-corrected and accelerated one (BCa; Efron, 1987, Journal of the American Statistical
Association 82) at levels widened for the number of users, as Hesterberg (2015, The American Statistician 69)
widens the percentile interval: the normal quantile z of the confidence becomes sqrt(n / (n - 1)) t, with t the
quantile of Student's distribution with n - 1 degrees of freedom. For a mean, this corrects the downward bias of the
sample variance and accounts for its being estimated. `ilora.evaluation.simulation` measures the coverage.

All functions work along the last axis, so that a simulation can compute thousands of intervals at once.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

Values = NDArray[np.float64]


@lru_cache(maxsize=1)
def resampled_users(users: int, samples: int, seed: int) -> Values:
    """Return how often each user is drawn in each sample, float64 [samples, users], read-only.

    The last result is cached, since all metrics of one split need it.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, users]))
    counts = np.empty((samples, users))
    for sample in range(samples):
        counts[sample] = np.bincount(generator.integers(users, size=users), minlength=users)
    counts.flags.writeable = False
    return counts


def bca_interval(
    value: Values, samples: Values, influence: Values, n: NDArray[np.integer], confidence: float
) -> tuple[Values, Values]:
    """Return the ends of the widened BCa interval of each estimate.

    Args:
        value: the estimates, float64 [...].
        samples: the estimates in each bootstrap sample, float64 [..., samples]. NaN where the estimate is undefined
            (no row of its users counts); these samples are ignored.
        influence: empirical influence of each user on the estimate, up to a common factor, float64 [..., users]; its
            skewness determines the acceleration. 0 for a user that does not count.
        n: number of users that count, integer [...]; at least 2.
        confidence: coverage, between 0 and 1.

    Returns:
        The lower and upper ends, float64 [...]; NaN where no sample is defined.
    """
    ordered = np.sort(samples, axis=-1)  # NaN comes last
    defined = np.isfinite(ordered).sum(axis=-1)
    bias = _bias_correction(value, ordered, defined)
    acceleration = _acceleration(influence)
    quantile = np.sqrt(n / (n - 1)) * t.ppf((1.0 + confidence) / 2.0, n - 1)
    low, high = (
        _sample_quantile(ordered, defined, norm.cdf(bias + shifted / (1.0 - acceleration * shifted)))
        for shifted in (bias - quantile, bias + quantile)
    )
    return low, high


def _bias_correction(value: Values, ordered: Values, defined: NDArray[np.integer]) -> Values:
    """Return z0: the normal quantile of the share of samples below the estimate; ties count half."""
    tolerance = 1e-12
    below = (ordered < value[..., None] - tolerance).sum(axis=-1)
    not_above = (ordered <= value[..., None] + tolerance).sum(axis=-1)
    of = np.maximum(defined, 1)
    return norm.ppf(np.clip((below + not_above) / (2.0 * of), 0.5 / of, 1.0 - 0.5 / of))


def _acceleration(influence: Values) -> Values:
    """Return one sixth of the skewness of the influence values; 0 where all of them are 0."""
    square = influence * influence
    cubes, squares = (square * influence).sum(axis=-1), square.sum(axis=-1)
    return np.divide(cubes, 6.0 * squares**1.5, out=np.zeros_like(cubes), where=squares > 0.0)


def _sample_quantile(ordered: Values, defined: NDArray[np.integer], level: Values) -> Values:
    """Return the quantile of each row of sorted samples at its own level, with linear interpolation."""
    place = np.clip(level, 0.0, 1.0) * np.maximum(defined - 1, 0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    first, second = (np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in (below, above))
    return first + (place - below) * (second - first)
