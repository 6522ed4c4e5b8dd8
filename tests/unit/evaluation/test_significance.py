import itertools
import math

import numpy as np
import pytest
from scipy.stats import permutation_test
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from ilora.evaluation.significance import holm, minimum_detectable_difference, sign_flip_test


@pytest.mark.parametrize(("ahead", "behind"), [(5, 14), (9, 9), (0, 6), (1, 0), (40, 22)])
def test_one_answer_per_user_gives_mcnemars_exact_test(ahead: int, behind: int) -> None:
    differences = np.array([1] * ahead + [-1] * behind + [0] * 50)
    table = [[20, ahead], [behind, 30]]
    assert sign_flip_test(differences) == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-9)


def test_several_answers_per_user_give_the_exact_permutation_test() -> None:
    differences = np.random.default_rng(0).integers(-10, 11, size=13)
    theirs = permutation_test(
        (differences, np.zeros(13)),
        lambda first, second, axis: (first - second).sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert sign_flip_test(differences) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_every_sign_counted_by_hand() -> None:
    differences = np.array([3, 1, -2, 5])
    sums = [abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
            for signs in itertools.product((-1, 1), repeat=4)]  # fmt: skip
    assert sign_flip_test(differences) == pytest.approx(np.mean([s >= 7 for s in sums]))


def test_the_unit_and_the_direction_do_not_matter() -> None:
    differences = np.random.default_rng(1).integers(-10, 11, size=95)
    p = sign_flip_test(differences)
    assert sign_flip_test(30 * differences) == pytest.approx(float(p), rel=1e-9)
    assert sign_flip_test(-differences) == pytest.approx(float(p), rel=1e-9)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert sign_flip_test(np.zeros(95, dtype=int)) == 1.0


def test_small_p_values_are_no_rounding_errors() -> None:
    assert sign_flip_test(np.ones(95, dtype=int)) == pytest.approx(2.0**-94)
    assert sign_flip_test(np.full(1194, 10)) > 0.0


def test_many_tests_at_once_are_those_one_by_one() -> None:
    differences = np.random.default_rng(2).integers(-3, 4, size=(6, 4, 20))
    together = sign_flip_test(differences)
    for index in np.ndindex(6, 4):
        assert together[index] == pytest.approx(float(sign_flip_test(differences[index])), rel=1e-9)


def test_holms_correction_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(3).random((3, 7)) ** 3
    expected = [multipletests(family, method="holm")[1] for family in p_values]
    np.testing.assert_allclose(holm(p_values), expected, rtol=1e-12)
    assert holm(np.array([0.03])).tolist() == [0.03]
    assert holm(np.array([])).tolist() == []


def test_the_minimum_detectable_difference_has_its_power() -> None:
    difference = minimum_detectable_difference(0.3, 95, 0.05, 0.8)
    assert TTestPower().power(difference / 0.3, 95, 0.05) == pytest.approx(0.8)
    assert minimum_detectable_difference(0.3, 95, 0.05 / 7, 0.8) > difference
    assert minimum_detectable_difference(0.3, 950, 0.05, 0.8) < difference


def test_nothing_is_detectable_where_no_user_differs() -> None:
    assert math.isnan(minimum_detectable_difference(0.0, 95, 0.05))
    assert math.isnan(minimum_detectable_difference(0.3, 2, 0.05))
