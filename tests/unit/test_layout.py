from pathlib import Path

import pytest

from ilora.layout import NO_SEED, Run, parse_data, parse_run


@pytest.mark.parametrize(
    ("path", "run"),
    [
        (
            "results/recommenders/movielens/published/sasrec/seed~3/predictions.parquet",
            Run("movielens", "published", "sasrec", seed=3),
        ),
        (
            "results/recommenders/movielens/published/sasrec/weight_decay~searched/seed~3/predictions.parquet",
            Run("movielens", "published", "sasrec", seed=3),
        ),
        (
            "results/baselines/lastfm/chronological/markov/metrics.parquet",
            Run("lastfm", "chronological", "markov", seed=NO_SEED),
        ),
        (
            "deep/llm/results/llm/steam/published/meta-llama--Llama-2-7b-hf@main/ilora/default/seed~0",
            Run("steam", "published", "ilora", "meta-llama--Llama-2-7b-hf@main", "default", 0),
        ),
        (
            "llm/movielens/published/embedded/zero_shot/default/predictions.parquet",
            Run("movielens", "published", "zero_shot", "embedded", "default", NO_SEED),
        ),
        (
            "results/finetune/movielens/published/embedded/ilora/experts~2/seed~11/training_log.parquet",
            Run("movielens", "published", "ilora", "embedded", "experts~2", 11),
        ),
        (
            "llm/movielens/published/embedded/ilora/default/seed~1/steps/step~250/predictions.parquet",
            Run("movielens", "published", "ilora", "embedded", "default", 1, 250),
        ),
    ],
)
def test_a_run_is_read_from_its_path(path: str, run: Run) -> None:
    assert parse_run(path) == run
    assert parse_run(Path(path)) == run


def test_the_seeds_of_a_method_share_the_rest() -> None:
    first, second = (Run("movielens", "published", "ilora", "embedded", seed=seed) for seed in (1, 2))
    assert first != second
    assert first.without_seed == second.without_seed
    assert first.data == ("movielens", "published")


def test_a_data_set_is_read_from_a_path() -> None:
    assert parse_data("results/data/steam/chronological/items.parquet") == ("steam", "chronological")
    with pytest.raises(ValueError, match="Expected .../data/DATASET/PROTOCOL/FILE"):
        parse_data("results/baselines/steam/chronological/markov/metrics.parquet")


@pytest.mark.parametrize(
    "path",
    [
        "results/tables/metrics.parquet",
        "results/recommenders/movielens/published/sasrec/predictions.parquet",
        "results/recommenders/movielens/published/sasrec/seed~x/predictions.parquet",
        "results/recommenders/movielens/published/sasrec/weight_decay~0.1/seed~1/training_log.parquet",
        "results/llm/movielens/published/embedded/ilora/seed~1/predictions.parquet",
        "results/llm/movielens/published/embedded/ilora/default/seed~1/other.parquet",
    ],
)
def test_another_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a run"):
        parse_run(path)
