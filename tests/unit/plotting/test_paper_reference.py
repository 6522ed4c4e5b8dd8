import pytest

from ilora.plotting.paper_reference import paper_value


def test_values_are_those_of_the_paper() -> None:
    ours = paper_value("movielens", "published", "ilora")
    assert ours is not None
    assert (ours.valid_ratio, ours.hit_ratio, ours.label) == (0.9891, 0.5275, "paper (Llama-2-7B)")
    recommender = paper_value("steam", "published", "caser")
    assert recommender is not None
    assert (recommender.valid_ratio, recommender.hit_ratio, recommender.label) == (1.0, 0.4368, "paper")


@pytest.mark.parametrize(
    ("dataset", "protocol", "method"),
    [
        ("movielens", "published", "popularity"),
        ("movielens", "published", "markov"),
        ("movielens", "chronological", "ilora"),
        ("another", "published", "ilora"),
    ],
)
def test_the_paper_says_nothing_of_the_rest(dataset: str, protocol: str, method: str) -> None:
    assert paper_value(dataset, protocol, method) is None


def test_improvements_over_llara_follow_from_the_cells() -> None:
    improvements = []
    for dataset in ("lastfm", "movielens", "steam"):
        llara, ilora = (paper_value(dataset, "published", method) for method in ("llara", "ilora"))
        assert llara is not None
        assert ilora is not None
        improvements.append(100 * (ilora.hit_ratio / llara.hit_ratio - 1))
    assert improvements == pytest.approx([10.9, 19.3, 6.4], abs=0.05)
