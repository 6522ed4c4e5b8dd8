import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from ilora.evaluation.ranking import ndcg, reciprocal_rank


def _random_rows(levels: int | None) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    scores = generator.normal(size=(200, 20))
    if levels:
        scores = generator.integers(levels, size=(200, 20)).astype(float)
    is_target = np.zeros(scores.shape, dtype=bool)
    is_target[np.arange(200), generator.integers(20, size=200)] = True
    return scores, is_target


@pytest.mark.parametrize("cutoff", [1, 5, 10, 20])
@pytest.mark.parametrize("levels", [None, 3])
def test_ndcg_is_that_of_scikit_learn_with_and_without_ties(cutoff: int, levels: int | None) -> None:
    scores, is_target = _random_rows(levels)
    ours = ndcg(scores, is_target, cutoff)
    theirs = [
        ndcg_score(target[None].astype(float), row[None], k=cutoff)
        for target, row in zip(is_target, scores, strict=True)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_reciprocal_rank_is_that_of_scikit_learn_without_ties() -> None:
    scores, is_target = _random_rows(None)
    theirs = label_ranking_average_precision_score(is_target, scores)
    assert reciprocal_rank(scores, is_target).mean() == pytest.approx(theirs, abs=1e-12)


def test_reciprocal_rank_by_hand() -> None:
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    is_target = np.array([[False, False, True], [False, True, False], [True, False, False]])
    expected = [1 / 2, (1 + 1 / 2) / 2, (1 + 1 / 2 + 1 / 3) / 3]
    np.testing.assert_allclose(reciprocal_rank(scores, is_target), expected)
