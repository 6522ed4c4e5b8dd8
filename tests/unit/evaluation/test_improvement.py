import math

import numpy as np
import pytest

from ilora.evaluation.improvement import estimate_improvement, relative_improvement
from ilora.evaluation.intervals import IntervalSettings, Ratio

SETTINGS = IntervalSettings(samples=500)
USERS = np.arange(400)


def of_hits(hits: np.ndarray) -> Ratio:
    return Ratio(USERS, hits.astype(np.float64), np.ones(len(USERS)))


def test_it_is_in_percent_of_the_second() -> None:
    assert relative_improvement(0.6, 0.4) == pytest.approx(50.0)
    assert math.isnan(relative_improvement(0.6, 0.0))


def test_a_known_improvement_lies_in_its_interval() -> None:
    generator = np.random.default_rng(0)
    second = generator.random(400) < 0.4
    first = np.where(generator.random(400) < 0.9, second, generator.random(400) < 0.9)
    found = estimate_improvement([of_hits(first)], [of_hits(second)], SETTINGS)
    assert found.value == pytest.approx(100 * (first.mean() / second.mean() - 1))
    assert found.low < found.value < found.high
    assert found.n == 400


def test_pairing_narrows_the_interval() -> None:
    generator = np.random.default_rng(1)
    second = generator.random(400) < 0.4
    first = second | (generator.random(400) < 0.05)
    paired = estimate_improvement([of_hits(first)], [of_hits(second)], SETTINGS)
    apart = estimate_improvement([of_hits(generator.permutation(first))], [of_hits(second)], SETTINGS)
    assert paired.value == pytest.approx(apart.value)
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)
    assert paired.low > 0 > apart.low


def test_it_is_the_mean_over_seeds() -> None:
    half, third = USERS % 2 == 0, USERS % 3 == 0
    found = estimate_improvement([of_hits(half), of_hits(third)], [of_hits(third)], SETTINGS)
    assert found.value == pytest.approx(100 * ((half.mean() + third.mean()) / 2 / third.mean() - 1))


def test_few_hits_give_no_interval_and_none_give_no_value() -> None:
    few = estimate_improvement([of_hits(USERS < 100)], [of_hits(USERS < 6)], SETTINGS)
    assert few.value == pytest.approx(100 * (100 / 6 - 1)) and math.isnan(few.low) and math.isnan(few.high)
    none = estimate_improvement([of_hits(USERS < 100)], [of_hits(USERS < 0)], SETTINGS)
    assert math.isnan(none.value)
