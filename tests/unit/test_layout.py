import re
from dataclasses import replace
from pathlib import Path

import pytest

from ilora.layout import FIGURES, NO_SEED, REPORT, TABLES, Artifact, Layout, Run, expand, fill, parse_data, parse_run


@pytest.mark.parametrize(
    ("path", "run"),
    [
        (
            "results/recommenders/movielens/random_users/sasrec/seed~3/predictions.parquet",
            Run("movielens", "random_users", "sasrec", seed=3),
        ),
        (
            "results/recommenders/movielens/random_users/sasrec/weight_decay~searched/seed~3/predictions.parquet",
            Run("movielens", "random_users", "sasrec", seed=3),
        ),
        (
            "results/baselines/lastfm/chronological/markov/metrics.parquet",
            Run("lastfm", "chronological", "markov", seed=NO_SEED),
        ),
        (
            "results/generative/movielens/chronological/cofirec/order~random/seed~2/ranks.parquet",
            Run("movielens", "chronological", "cofirec", variant="order~random", seed=2),
        ),
        (
            "deep/llm/results/llm/steam/random_users/meta-llama--Llama-2-7b-hf@main/ilora/default/seed~0",
            Run("steam", "random_users", "ilora", "meta-llama--Llama-2-7b-hf@main", "default", 0),
        ),
        (
            "llm/movielens/random_users/embedded/zero_shot/default/predictions.parquet",
            Run("movielens", "random_users", "zero_shot", "embedded", "default", NO_SEED),
        ),
        (
            "results/finetune/movielens/random_users/embedded/ilora/experts~2/seed~11/training_log.parquet",
            Run("movielens", "random_users", "ilora", "embedded", "experts~2", 11),
        ),
        (
            "llm/movielens/random_users/embedded/ilora/default/seed~1/steps/step~250/predictions.parquet",
            Run("movielens", "random_users", "ilora", "embedded", "default", 1, 250),
        ),
    ],
)
def test_a_run_is_read_from_its_path(path: str, run: Run) -> None:
    assert parse_run(path) == run
    assert parse_run(Path(path)) == run


def test_the_seeds_of_a_method_share_the_rest() -> None:
    first, second = (Run("movielens", "random_users", "ilora", "embedded", seed=seed) for seed in (1, 2))
    assert first != second
    assert first.without_seed == second.without_seed
    assert first.data == ("movielens", "random_users")


def test_a_data_set_is_read_from_a_path() -> None:
    assert parse_data("results/data/steam/chronological/items.parquet") == ("steam", "chronological")
    with pytest.raises(ValueError, match="Expected .../data/DATASET/PROTOCOL/FILE"):
        parse_data("results/baselines/steam/chronological/markov/metrics.parquet")


@pytest.mark.parametrize(
    "path",
    [
        "results/tables/metrics.parquet",
        "results/recommenders/movielens/random_users/sasrec/predictions.parquet",
        "results/recommenders/movielens/random_users/sasrec/seed~x/predictions.parquet",
        "results/recommenders/movielens/random_users/sasrec/weight_decay~0.1/seed~1/training_log.parquet",
        "results/llm/movielens/random_users/embedded/ilora/seed~1/predictions.parquet",
        "results/llm/movielens/random_users/embedded/ilora/default/seed~1/other.parquet",
    ],
)
def test_another_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a run"):
        parse_run(path)


LAYOUT = Layout("results/mine")


def test_an_artifacts_path_is_built_from_its_parts() -> None:
    assert LAYOUT.sequences == "results/mine/data/{dataset}/{protocol}/sequences.parquet"
    assert fill(LAYOUT.sequences, dataset="steam", seed=1) == "results/mine/data/steam/{protocol}/sequences.parquet"
    searched = Layout("results", is_weight_decay_searched=True).recommender
    assert searched == "results/recommenders/{dataset}/{protocol}/{recommender}/weight_decay~searched/seed~{seed}"


def test_a_pattern_expands_over_the_wildcards_that_it_has() -> None:
    paths = expand("{dataset}/{method}/seed~{seed}", dataset="steam", method=("llara", "ilora"), seed=[1, 2], step=[])
    assert paths == ["steam/llara/seed~1", "steam/llara/seed~2", "steam/ilora/seed~1", "steam/ilora/seed~2"]
    assert expand("{dataset}/{method}", dataset=["steam"]) == ["steam/{method}"]
    assert expand("{dataset}", dataset=[]) == []
    assert expand("tables", dataset=["movielens", "steam"]) == ["tables"]


def test_every_folder_of_predictions_is_read_back() -> None:
    parts = {"dataset": "steam", "protocol": "random_users", "backbone": "b", "variant": "r~4", "seed": 2, "step": 5}
    tuned = Run("steam", "random_users", "ilora", "b", "r~4", 2)
    patterns = {
        LAYOUT.baseline_predictions: Run("steam", "random_users", "markov"),
        LAYOUT.recommender_file("predictions.parquet"): Run("steam", "random_users", "sasrec", seed=2),
        LAYOUT.generator_ranks: Run("steam", "random_users", "tiger", variant="r~4", seed=2),
        LAYOUT.generator_predictions: Run("steam", "random_users", "tiger", variant="r~4", seed=2),
        LAYOUT.tuned_predictions: tuned,
        LAYOUT.snapshot_predictions: replace(tuned, step=5),
        LAYOUT.untuned_predictions: Run("steam", "random_users", "ilora", "b"),
        LAYOUT.gates: tuned,
        LAYOUT.tuning_log: tuned,
    }
    for pattern, run in patterns.items():
        assert (
            parse_run(
                fill(pattern, **parts, baseline="markov", recommender="sasrec", generator="tiger", method="ilora")
            )
            == run
        )


def test_nothing_else_spells_the_folders_of_results() -> None:
    """Rules, scripts and the library take paths from the layout, so that they are always consistent."""
    repository = Path(__file__).parents[2]
    stages = {attribute.pattern.split("/")[0] for attribute in vars(Layout).values() if isinstance(attribute, Artifact)}
    stages = {stage for stage in stages if "{" not in stage} | {FIGURES, TABLES, REPORT}
    assert {"data", "finetune", "llm", "tables", "figures"} <= stages
    spelled = re.compile(rf"""["'](?:[^"'\s]*/)?(?:{"|".join(sorted(stages))})/[^"'\s]*\{{""")
    files = [*(repository / "rules").glob("*.smk"), *(repository / "workflow_scripts").rglob("*.py")]
    assert len(files) > 200
    found = [
        f"{path.relative_to(repository)}:{number}: {line.strip()}"
        for path in files
        if path.name != "layout.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if spelled.search(line)
    ]
    assert found == []
