import numpy as np
import pytest

from ilora.feedback.slates import draw_clicks, expected_clicks, most_expected_clicks, shown_relevance, top_items

EXAMINATION = np.array([0.9, 0.5, 0.2])


def test_the_highest_scores_come_first_and_equal_ones_in_random_order() -> None:
    scores = np.array([[0.0, 3.0, 1.0, 2.0]])
    assert top_items(scores, 3, np.random.default_rng(0)).tolist() == [[1, 3, 2]]
    tied = top_items(np.zeros((6000, 4)), 2, np.random.default_rng(0))
    assert (tied[:, 0] != tied[:, 1]).all()
    # The standard error is 34.
    assert np.abs(np.bincount(tied[:, 0], minlength=4) - 1500).max() < 150


def test_clicks_are_as_many_as_the_closed_form_expects() -> None:
    relevance = np.tile([0.8, 0.1, 0.4, 0.05], (40_000, 1))
    slates = np.tile([2, 0, 1], (40_000, 1))
    clicks = draw_clicks(relevance, slates, EXAMINATION, np.random.default_rng(1))
    # At position k with probability e_k r; the standard error is at most 0.0025.
    assert clicks.mean(axis=0) == pytest.approx([0.9 * 0.4, 0.5 * 0.8, 0.2 * 0.1], abs=0.01)
    expected = expected_clicks(shown_relevance(relevance, slates), EXAMINATION)
    assert expected == pytest.approx(0.9 * 0.4 + 0.5 * 0.8 + 0.2 * 0.1)
    assert clicks.sum(axis=1).mean() == pytest.approx(expected[0], abs=0.02)


def test_certain_clicks() -> None:
    relevance, slates = np.array([[1.0, 0.0, 1.0]]), np.array([[1, 0, 2]])
    clicks = draw_clicks(relevance, slates, np.array([1.0, 1.0, 0.0]), np.random.default_rng(0))
    assert clicks.tolist() == [[False, True, False]]


def test_no_slate_has_more_expected_clicks_than_the_best() -> None:
    generator = np.random.default_rng(5)
    relevance = generator.random((200, 6))
    best = most_expected_clicks(relevance, EXAMINATION)
    assert best[0] == pytest.approx((np.sort(relevance[0])[::-1][:3] * EXAMINATION).sum())
    for _ in range(20):
        slates = generator.permuted(np.tile(np.arange(6), (200, 1)), axis=1)[:, :3]
        assert (expected_clicks(shown_relevance(relevance, slates), EXAMINATION) <= best).all()


def test_what_is_shown_changes_neither_taste_nor_attention() -> None:
    relevance = np.full((500, 4), 0.5)
    first, second = (
        draw_clicks(relevance, np.tile(slate, (500, 1)), EXAMINATION, np.random.default_rng(2))
        for slate in ([0, 1, 2], [0, 3, 2])
    )
    assert (first[:, [0, 2]] == second[:, [0, 2]]).all() and not (first[:, 1] == second[:, 1]).all()
