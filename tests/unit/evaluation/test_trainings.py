import numpy as np
import pytest
from scipy.stats import t

from ilora.evaluation.intervals import (
    IntervalSettings,
    Ratio,
    UserSums,
    estimate,
    estimate_difference,
    sum_by_user,
    variation_of_difference,
)
from ilora.evaluation.trainings import TrainingSpread, TrainingVariation, variation_over_trainings

SETTINGS = IntervalSettings(samples=500)
USERS = 60


def trained(rates: list[float], seed: int = 0, draws: int = 5) -> list[Ratio]:
    """Return runs in which the hit probability differs between trainings, by the same amount for all users."""
    generator = np.random.default_rng(seed)
    users, skills = np.repeat(np.arange(USERS), draws), np.repeat(generator.random(USERS), draws)
    return [
        Ratio(
            users,
            (generator.random(len(users)) < np.clip(skills + rate - 0.5, 0, 1)).astype(float),
            np.ones(len(users)),
        )
        for rate in rates
    ]


def test_half_widths_are_added_by_squares() -> None:
    # Student's t with 2 degrees of freedom: 4.3027. Its half-width is 4.3027 * 0.03 / sqrt(3) = 0.07453.
    variation = TrainingVariation((TrainingSpread(0.03, 3),), users_share=1.0)
    low, high = variation.widen(np.array(0.4), (np.array(0.35), np.array(0.46)), 0.95)
    assert low == pytest.approx(0.4 - np.hypot(0.05, 0.07453), abs=1e-5)
    assert high == pytest.approx(0.4 + np.hypot(0.06, 0.07453), abs=1e-5)


def test_an_interval_is_never_narrower_than_over_users() -> None:
    variation = TrainingVariation((TrainingSpread(0.0, 3),), users_share=0.5)
    assert variation.widen(np.array(0.4), (np.array(0.35), np.array(0.46)), 0.95) == pytest.approx((0.35, 0.46))
    assert float(variation.widen_p_value(np.array(0.02), np.array(0.1), 60)) == 0.02


def test_nothing_trained_more_than_once_changes_nothing() -> None:
    one = sum_by_user(trained([0.5]), np.arange(USERS))
    assert variation_over_trainings([one.ratios], [one.influences]) == TrainingVariation((), np.array(1.0))
    ends = np.array(0.1234567), np.array(0.7654321)
    assert TrainingVariation().widen(np.array(0.4), ends, 0.95) is ends
    assert float(TrainingVariation().widen_p_value(np.array(0.3), np.array(0.1), 9)) == 0.3


def test_the_variance_of_users_and_trainings_together_is_counted_once() -> None:
    # Three trainings with independent answers: the spread over trainings already contains all variance over users.
    generator = np.random.default_rng(0)
    hits = generator.random((3, 20_000)) < 0.4
    sums = UserSums(hits.astype(float), np.ones((3, 20_000)))
    independent = variation_over_trainings([sums.ratios], [sums.influences])
    assert independent.users_share == pytest.approx(0.0, abs=0.02)
    same = UserSums(np.repeat(hits[:1], 3, axis=0).astype(float), np.ones((3, 20_000)))
    assert variation_over_trainings([same.ratios], [same.influences]).users_share == 1.0


def test_trainings_that_differ_widen_the_interval_of_their_mean() -> None:
    alike, apart = estimate(trained([0.5, 0.5, 0.5]), SETTINGS), estimate(trained([0.3, 0.5, 0.7]), SETTINGS)
    assert apart.high - apart.low > 2.0 * (alike.high - alike.low)
    assert apart.low >= 0.0 and apart.high <= 1.0


def test_what_both_methods_have_with_a_seed_cancels() -> None:
    first, second = trained([0.3, 0.5, 0.7], seed=1), trained([0.3, 0.5, 0.7], seed=1)
    assert vars(estimate_difference(first, second, SETTINGS)) == {"value": 0.0, "low": 0.0, "high": 0.0, "n": USERS}
    shuffled = estimate_difference(first, second[::-1], SETTINGS)
    assert shuffled.low < -0.3 and shuffled.high > 0.3


def test_unequally_many_trainings_are_independent() -> None:
    first, second = trained([0.3, 0.5, 0.7]), trained([0.4, 0.6], seed=1)
    sums = [sum_by_user(side, np.arange(USERS)) for side in (first, second)]
    variation = variation_of_difference(*sums)
    assert [spread.trainings for spread in variation.spreads] == [3, 2]
    untrained = variation_of_difference(sums[0], UserSums(sums[1].numerator[:1], sums[1].denominator[:1]))
    assert [spread.trainings for spread in untrained.spreads] == [3]


def test_the_p_value_is_where_the_interval_ends_at_zero() -> None:
    users, error, difference = 95, 0.02, 0.06
    p_users = 2.0 * t.sf(difference / error, users - 1)
    variation = TrainingVariation((TrainingSpread(0.015, 3),), users_share=0.8)
    p = float(variation.widen_p_value(np.array(p_users), np.array(difference), users))
    half = error * t.isf(p / 2.0, users - 1)
    low, _ = variation.widen(np.array(difference), (np.array(difference - half), np.array(difference + half)), 1.0 - p)
    assert low == pytest.approx(0.0, abs=1e-9)
    assert p > p_users


def test_p_values_at_their_ends() -> None:
    variation = TrainingVariation((TrainingSpread(np.full(3, 0.01), 3),), users_share=np.ones(3))
    p = variation.widen_p_value(np.array([1.0, 0.4, 1e-300]), np.array([0.0, 0.0, 0.2]), 95)
    # Over trainings alone: Student's t of 0.2 sqrt(3) / 0.01 = 34.6 with 2 degrees of freedom.
    assert p == pytest.approx([1.0, 0.4, 2.0 * t.sf(34.64, 2)], rel=0.1)
