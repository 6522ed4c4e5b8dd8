"""The sign-flip test of two methods on the same candidate sets, Holm's correction, and the minimum detectable effect.

Each user contributes one difference: the hits of one method minus those of the other, over all draws and seeds of
the user. If neither method is better, each difference is equally likely to have the opposite sign, so the sum over
users is compared with its exact distribution under independent random signs. The user is the sampling unit, so
correlated draws and seeds are not counted as independent evidence.

With one answer per user, a difference is -1, 0 or 1 and the test reduces to McNemar's exact test (binomial, on the
users that exactly one method gets right). McNemar's test on all rows would treat the rows of a user as independent and
report too many false differences (measured by `ilora.evaluation.simulation`).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len
from statsmodels.stats.power import TTestPower

Values = NDArray[np.float64]


def sign_flip_test(differences: NDArray[np.integer]) -> Values:
    """Return the exact two-sided p-value of the hypothesis that every user's difference is symmetric about 0.

    In the frequency domain, the distribution of a sum of independent +-d is a product of cosines. One inverse Fourier
    transform yields all probabilities, with an error of about 1e-15.

    Args:
        differences: integer [..., users], hits of one method minus hits of the other for each user.

    Returns:
        float64 [...]; 1 where all differences are 0.
    """
    differences = differences // max(int(np.gcd.reduce(differences, axis=None)), 1)
    sizes, observed = np.abs(differences), np.abs(differences.sum(axis=-1))
    largest_sum = int(sizes.sum(axis=-1).max(initial=0))
    points = next_fast_len(2 * largest_sum + 1, real=True)
    angles = 2.0 * np.pi * np.arange(points // 2 + 1) / points
    magnitudes = np.unique(sizes[sizes > 0])
    users = (
        np.stack([(sizes == size).sum(axis=-1) for size in magnitudes], axis=-1) if len(magnitudes) else sizes[..., :0]
    )
    cosines = np.cos(magnitudes[:, None] * angles)
    negative = (users % 2).astype(float) @ (cosines < 0.0) % 2.0
    log_size = users.astype(float) @ np.log(np.maximum(np.abs(cosines), np.finfo(float).tiny))
    probabilities = irfft((1.0 - 2.0 * negative) * np.exp(log_size), points, axis=-1)
    upper = probabilities[..., : largest_sum + 1]
    at_least = np.cumsum(upper[..., ::-1], axis=-1)[..., ::-1]
    tail = 2.0 * np.take_along_axis(at_least, observed[..., None], axis=-1)[..., 0]
    smallest = np.maximum(2.0 ** (1.0 - (sizes > 0).sum(axis=-1)), np.finfo(float).tiny)
    return np.where(observed == 0, 1.0, np.clip(tail, smallest, 1.0))


def holm(p_values: Values) -> Values:
    """Return p-values corrected for multiple comparisons within a family (Holm, 1979), float64 [..., comparisons].

    Leading axes index families; statsmodels' `multipletests` does the same for one family at a time.
    """
    order = np.argsort(p_values, axis=-1, kind="stable")
    factors = np.arange(p_values.shape[-1], 0, -1)
    ordered = np.maximum.accumulate(np.take_along_axis(p_values, order, axis=-1) * factors, axis=-1)
    corrected = np.empty(p_values.shape)
    np.put_along_axis(corrected, order, np.minimum(ordered, 1.0), axis=-1)
    return corrected


def minimum_detectable_difference(deviation: float, users: int, level: float, power: float = 0.8) -> float:
    """Return the smallest true difference that a two-sided paired test detects with the given power.

    This is the textbook calculation for a paired t test; the sign-flip test has the same power
    (`ilora.evaluation.simulation`).

    Args:
        deviation: standard deviation of the users' differences.
        users: number of users.
        level: significance level, such as 0.05.
        power: probability of detection.

    Returns:
        The difference, in the unit of `deviation`; NaN when no user differs, or with fewer than 3 users.
    """
    if users < 3 or not deviation > 0.0:
        return math.nan
    effect = TTestPower().solve_power(nobs=users, alpha=level, power=power, alternative="two-sided")
    return float(effect) * deviation
