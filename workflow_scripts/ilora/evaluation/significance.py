"""Whether two methods differ on the same candidate sets, and how large a difference such a test would find.

The test flips signs. What each user says for one method against the other is the sum of the hits of one minus
those of the other over the user's draws and seeds. If neither is better, each user's difference is as likely
to have the opposite sign, so the sum over users is compared with its exact distribution under independent
signs. The user is the unit, so draws and seeds that resemble each other do not count as evidence twice.

With one answer per user, a difference is -1, 0 or 1 and the test is McNemar's exact one (binomial, on the
users that only one method gets right): this is its extension to several answers per user. McNemar's test on
all rows would take the rows of a user as independent, and find differences where there are none
(`ilora.evaluation.simulation` measures it).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len
from statsmodels.stats.power import TTestPower

Values = NDArray[np.float64]


def sign_flip_test(differences: NDArray[np.integer]) -> Values:
    """Return the exact two-sided p-value of the hypothesis that every user's difference is symmetric about 0.

    The distribution of a sum of independent +-d is the product of cosines in the frequency domain; one inverse
    Fourier transform gives all its probabilities, to about 1e-15.

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
    """Return p-values that hold for all comparisons of a family together (Holm, 1979), float64 [..., comparisons].

    Families stand along the leading axes; statsmodels' `multipletests` does the same for one family at a time.
    """
    order = np.argsort(p_values, axis=-1, kind="stable")
    factors = np.arange(p_values.shape[-1], 0, -1)
    ordered = np.maximum.accumulate(np.take_along_axis(p_values, order, axis=-1) * factors, axis=-1)
    corrected = np.empty(p_values.shape)
    np.put_along_axis(corrected, order, np.minimum(ordered, 1.0), axis=-1)
    return corrected


def minimum_detectable_difference(deviation: float, users: int, level: float, power: float = 0.8) -> float:
    """Return the smallest true difference that a two-sided paired test finds with the given probability.

    The textbook calculation for a paired t test, which the sign-flip test reaches (`ilora.evaluation.simulation`).

    Args:
        deviation: standard deviation of the users' differences.
        users: number of users.
        level: the test's level, such as 0.05.
        power: the probability.

    Returns:
        The difference, in the unit of `deviation`; NaN when no user differs, or with fewer than 3 users.
    """
    if users < 3 or not deviation > 0.0:
        return math.nan
    effect = TTestPower().solve_power(nobs=users, alpha=level, power=power, alternative="two-sided")
    return float(effect) * deviation
