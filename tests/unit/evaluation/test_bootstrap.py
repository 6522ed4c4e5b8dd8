import numpy as np
import pytest
from scipy import stats

from ilora.evaluation.bootstrap import bca_interval, resampled_users


def _widened(confidence: float, users: int) -> float:
    """Return the confidence for which scipy's interval has the same quantiles as ours for this number of users."""
    quantile = np.sqrt(users / (users - 1)) * stats.t.ppf((1 + confidence) / 2, users - 1)
    return float(2 * stats.norm.cdf(quantile) - 1)


@pytest.mark.parametrize("shape", [(2.0, 2.0), (0.3, 3.0)])
def test_the_interval_is_that_of_scipy_at_the_widened_confidence(shape: tuple[float, float]) -> None:
    shares = np.random.default_rng(0).beta(*shape, size=40)
    samples = resampled_users(40, 40_000, 1) @ shares / 40
    low, high = bca_interval(np.array(shares.mean()), samples, shares - shares.mean(), np.array(40), 0.95)
    scipy = stats.bootstrap(
        (shares,), np.mean, confidence_level=_widened(0.95, 40), n_resamples=40_000, method="BCa", rng=1
    ).confidence_interval
    width = scipy.high - scipy.low
    assert (low, high) == pytest.approx((scipy.low, scipy.high), abs=0.02 * width)


def test_few_users_widen_the_interval() -> None:
    shares = np.random.default_rng(0).random(200)
    samples = resampled_users(200, 2000, 0) @ shares / 200
    widths = []
    for n in (5, 200):
        low, high = bca_interval(np.array(shares.mean()), samples, shares - shares.mean(), np.array(n), 0.95)
        widths.append(high - low)
    assert widths[0] > 1.3 * widths[1]


def test_undefined_samples_are_left_out() -> None:
    samples = np.random.default_rng(0).normal(0.5, 0.1, size=1000)
    influence = np.linspace(-1.0, 1.0, 30)
    alone = bca_interval(np.array(0.5), samples, influence, np.array(30), 0.9)
    beside = bca_interval(np.array(0.5), np.concatenate([samples, np.full(50, np.nan)]), influence, np.array(30), 0.9)
    assert beside == alone


def test_many_intervals_at_once_are_those_one_by_one() -> None:
    shares = np.random.default_rng(3).random((7, 25))
    counts = resampled_users(25, 500, 0)
    value, samples, influence = shares.mean(axis=1), shares @ counts.T / 25, shares - shares.mean(axis=1)[:, None]
    together = np.stack(bca_interval(value, samples, influence, np.array(25), 0.95))
    for index in range(7):
        one = bca_interval(value[index], samples[index], influence[index], np.array(25), 0.95)
        np.testing.assert_array_equal(together[:, index], one)


def test_each_sample_draws_as_many_users_as_there_are() -> None:
    counts = resampled_users(30, 200, 5)
    assert (counts.sum(axis=1) == 30).all()
    assert counts.mean(axis=0) == pytest.approx(1.0, abs=0.35)
    assert not np.array_equal(counts, resampled_users(30, 200, 6))
    with pytest.raises(ValueError, match="read-only"):
        counts[0, 0] = 2.0
