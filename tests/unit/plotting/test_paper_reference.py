import pytest

from ilora.plotting.paper_reference import (
    average_improvement,
    cells_that_are_no_counts,
    misprinted_improvements,
    paper_value,
    recomputed_improvement,
)


def test_values_are_those_of_the_paper() -> None:
    ours = paper_value("movielens", "random_users", "ilora")
    assert ours is not None
    assert (ours.valid_ratio, ours.hit_ratio, ours.label) == (0.9891, 0.5275, "paper (Llama-2-7B)")
    recommender = paper_value("steam", "random_users", "caser")
    assert recommender is not None
    assert (recommender.valid_ratio, recommender.hit_ratio, recommender.label) == (1.0, 0.4368, "paper")


@pytest.mark.parametrize(
    ("dataset", "protocol", "method"),
    [
        ("movielens", "random_users", "popularity"),
        ("movielens", "random_users", "markov"),
        ("movielens", "chronological", "ilora"),
        ("another", "random_users", "ilora"),
    ],
)
def test_the_paper_says_nothing_of_the_rest(dataset: str, protocol: str, method: str) -> None:
    assert paper_value(dataset, protocol, method) is None


def test_improvements_over_llara_follow_from_the_cells() -> None:
    recomputed = [recomputed_improvement(dataset, "llara") for dataset in ("lastfm", "movielens", "steam")]
    assert recomputed == pytest.approx([10.9, 19.3, 6.4], abs=0.05)


def test_one_printed_improvement_and_the_headline_do_not_follow() -> None:
    ((dataset, method, printed, recomputed),) = misprinted_improvements()
    assert (dataset, method, printed) == ("lastfm", "llara", 8.51)
    assert recomputed == pytest.approx(10.91, abs=0.005)
    assert average_improvement("llara") == pytest.approx((11.4, 12.2), abs=0.05)


def test_six_cells_are_no_counts_of_hits() -> None:
    assert sorted(cells_that_are_no_counts()) == [
        ("lastfm", "gru4rec", 0.2616),
        ("lastfm", "morec", 0.1652),
        ("movielens", "caser", 0.3861),
        ("movielens", "morec", 0.2822),
        ("movielens", "sasrec", 0.3444),
        ("steam", "ilora", 0.5264),
    ]


@pytest.mark.parametrize(
    ("dataset", "method", "gain", "metric"),
    [
        ("movielens", "llara", 0.5275 - 0.4421, "hit_ratio@1"),
        ("movielens", "sasrec", 0.5275 - 0.3444, "hit_ratio@1"),
        ("movielens", "ilora", 0.5275 - 0.4421, "hit_ratio@1_over_valid_substring"),
        ("steam", "ilora", 0.5264 - 0.4949, "hit_ratio@1_over_valid_substring"),
    ],
)
def test_the_claimed_gain_is_that_of_the_cells(dataset: str, method: str, gain: float, metric: str) -> None:
    paper = paper_value(dataset, "random_users", method)
    assert paper is not None
    assert paper.claimed_gain == pytest.approx(gain)
    assert paper.metric == metric
