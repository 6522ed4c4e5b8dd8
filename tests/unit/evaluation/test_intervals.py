import numpy as np
import pytest
from scipy.stats import binomtest

from ilora.evaluation.intervals import (
    FEWEST_USERS,
    IntervalSettings,
    Ratio,
    estimate,
    estimate_difference,
    wilson_interval,
)

SETTINGS = IntervalSettings()


def _ratio(hits: np.ndarray, draws: int = 1, users: np.ndarray | None = None) -> Ratio:
    """Return a ratio over all rows; row i belongs to user i // draws."""
    of_row = np.arange(len(hits)) // draws if users is None else users
    return Ratio(of_row, hits.astype(float), np.ones(len(hits)))


def test_one_row_per_user_gives_the_wilson_interval() -> None:
    hits = np.zeros(95)
    hits[:43] = 1
    result = estimate([_ratio(hits)], SETTINGS)
    wilson = binomtest(43, 95).proportion_ci(method="wilson")
    assert (result.value, result.n) == (43 / 95, 95)
    assert (result.low, result.high) == pytest.approx((wilson.low, wilson.high))
    assert (result.low, result.high) == pytest.approx((0.356, 0.553), abs=5e-4)


def test_rows_that_do_not_count_are_no_trials() -> None:
    ratio = Ratio(np.arange(10), np.array([1.0] * 3 + [0.0] * 7), np.array([1.0] * 6 + [0.0] * 4))
    result = estimate([ratio], SETTINGS)
    wilson = binomtest(3, 6).proportion_ci(method="wilson")
    assert (result.value, result.n) == (0.5, 6)
    assert (result.low, result.high) == pytest.approx((wilson.low, wilson.high))


def test_repeating_every_row_does_not_narrow_the_interval() -> None:
    hits = (np.random.default_rng(0).random(100) < 0.4).astype(float)
    once = estimate([_ratio(hits)], SETTINGS)
    ten_times = estimate([_ratio(np.repeat(hits, 10), draws=10)], SETTINGS)
    assert ten_times.n == 100
    assert ten_times.value == pytest.approx(once.value)
    assert ten_times.high - ten_times.low == pytest.approx(once.high - once.low, rel=0.1)


def test_a_bootstrap_without_variation_falls_back_to_wilson_over_users() -> None:
    result = estimate([_ratio(np.ones(120), draws=10)], SETTINGS)
    wilson = binomtest(12, 12).proportion_ci(method="wilson")
    assert (result.value, result.n) == (1.0, 12)
    assert (result.low, result.high) == pytest.approx((wilson.low, wilson.high))


def test_few_users_who_stand_out_fall_back_to_wilson_over_users() -> None:
    hits = np.ones((95, 10))
    hits[: FEWEST_USERS - 1, :3] = 0.0
    result = estimate([_ratio(hits.ravel(), draws=10)], SETTINGS)
    low, high = wilson_interval(np.array(result.value), np.array(95), 0.95)
    assert (result.low, result.high) == (float(low), float(high))
    hits[FEWEST_USERS - 1, 0] = 0.0
    enough = estimate([_ratio(hits.ravel(), draws=10)], SETTINGS)
    assert low < enough.low < enough.value < enough.high < high


def test_marked_rows_alone_or_among_all_users() -> None:
    ratio = Ratio(np.array([0, 0, 1, 2]), np.array([1.0, 0.0, 1.0, 0.0]), np.ones(4))
    marked = np.array([True, False, False, True])
    assert ratio.of_rows(marked).users.tolist() == [0, 2]
    assert ratio.counting(marked).users.tolist() == [0, 0, 1, 2]
    assert ratio.of_rows(marked).value == ratio.counting(marked).value == 0.5


def test_the_mean_over_seeds_gives_every_seed_the_same_weight() -> None:
    few = Ratio(np.arange(10), np.array([1.0, 1.0] + [0.0] * 8), np.array([1.0, 1.0] + [0.0] * 8))
    many = Ratio(np.arange(10), np.zeros(10), np.ones(10))
    assert estimate([few, many], SETTINGS).value == pytest.approx(0.5)


def test_two_equal_seeds_give_the_interval_of_one() -> None:
    hits = (np.random.default_rng(3).random(200) < 0.3).astype(float)
    one = _ratio(hits, draws=4)
    assert estimate([one, one], SETTINGS) == estimate([one], SETTINGS)


def test_the_seed_decides_the_interval() -> None:
    ratio = _ratio((np.random.default_rng(4).random(300) < 0.3).astype(float), draws=3)
    assert estimate([ratio], SETTINGS) == estimate([ratio], IntervalSettings(seed=0))
    assert estimate([ratio], SETTINGS) != estimate([ratio], IntervalSettings(seed=1))


def test_the_order_of_rows_does_not_matter() -> None:
    generator = np.random.default_rng(6)
    users, hits = np.repeat(np.arange(50), 4), (generator.random(200) < 0.4).astype(float)
    order = generator.permutation(200)
    shuffled = _ratio(hits[order], users=users[order])
    assert estimate([shuffled], SETTINGS) == estimate([_ratio(hits, users=users)], SETTINGS)


def test_a_ratio_without_a_row_that_counts_is_not_defined() -> None:
    result = estimate([Ratio(np.arange(5), np.zeros(5), np.zeros(5))], SETTINGS)
    assert np.isnan([result.value, result.low, result.high]).all()
    assert result.n == 0


def test_a_difference_is_paired_by_user() -> None:
    generator = np.random.default_rng(2)
    hits = (generator.random((100, 5)) < generator.random(100)[:, None]).astype(float)
    better = hits.copy()
    better[:10] = 1.0
    first, second = _ratio(better.ravel(), draws=5), _ratio(hits.ravel(), draws=5)
    paired = estimate_difference([first], [second], SETTINGS)
    assert paired.value == pytest.approx(first.value - second.value)
    assert 0.0 < paired.low < paired.value < paired.high
    alone = estimate([first], SETTINGS)
    assert paired.high - paired.low < 0.6 * (alone.high - alone.low)
    reverse = estimate_difference([second], [first], SETTINGS)
    assert (reverse.low, reverse.high) == pytest.approx((-paired.high, -paired.low))


def test_a_run_does_not_differ_from_itself() -> None:
    ratio = _ratio((np.random.default_rng(4).random(300) < 0.3).astype(float), draws=3)
    result = estimate_difference([ratio], [ratio], SETTINGS)
    assert (result.value, result.low, result.high) == (0.0, 0.0, 0.0)


def test_runs_on_different_users_are_refused() -> None:
    with pytest.raises(ValueError, match="different users"):
        estimate([_ratio(np.ones(5)), _ratio(np.ones(6))], SETTINGS)
    with pytest.raises(ValueError, match="different users"):
        estimate_difference([_ratio(np.ones(5))], [_ratio(np.ones(6))], SETTINGS)


def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one run"):
        estimate([], SETTINGS)
    with pytest.raises(ValueError, match="both sides"):
        estimate_difference([_ratio(np.ones(5))], [], SETTINGS)
