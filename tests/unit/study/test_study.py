"""The methods and targets of a study."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ilora.configuration.validation import ConfigurationError
from ilora.study.models import ModelFiles
from ilora.study.recommenders import RecommenderFiles
from ilora.study.study import Study, methods_that
from ilora.study.targets import Targets
from ilora.study.tuning import TuningFiles

KEY = {"CHAT_API_KEY": "sk-NeverToBeSeen"}


def study_of(environment: dict[str, str] | None = None, **config: Any) -> Study:
    return Study.load(config, environment or {})


def test_methods_stand_in_the_order_of_table_1() -> None:
    study = study_of(methods=["ilora", "llara", "zero_shot", "popularity", "sasrec"])
    assert study.methods == ("popularity", "sasrec", "zero_shot", "llara", "ilora")
    assert study.backbone_methods == ("zero_shot", "llara", "ilora")
    assert study.tuned_methods == study.gradient_methods == ("llara", "ilora")
    assert study.gated_methods == ("ilora",)


def test_chat_methods_are_run_where_there_is_a_key() -> None:
    methods = ["popularity", "gpt4", "chatrec"]
    without, with_key = study_of(methods=methods), study_of(KEY, methods=methods)
    assert (without.methods, without.methods_without_key) == (("popularity",), ("gpt4", "chatrec"))
    assert (with_key.methods, with_key.methods_without_key) == (("popularity", "gpt4", "chatrec"), ())
    assert Targets(without).runs_without_key == [
        ("movielens", "random_users", "gpt4", "gpt-4o-2024-08-06"),
        ("movielens", "random_users", "chatrec", "gpt-4o-2024-08-06"),
    ]
    # ChatRec lists the candidates in the order of a recommender, which is trained for this.
    assert (without.trained_recommenders, with_key.trained_recommenders) == ((), ("sasrec",))
    with pytest.raises(
        ConfigurationError, match="methods: found only gpt4, expected other methods too, because none of these can run"
    ):
        study_of(methods=["gpt4"])


def test_a_method_of_text_alone_trains_no_recommender() -> None:
    assert study_of(methods=["tallrec"]).trained_recommenders == ()
    assert study_of(methods=["llara"], recommenders={"sequence_encoder": "caser"}).trained_recommenders == ("caser",)


def test_caseqs_ablation_differs_from_it_by_the_weight_of_the_divergence() -> None:
    study = study_of(methods=["caseq", "caseq_without_kl"], recommenders={"caseq": {"units": 2}})
    assert study.trained_recommenders == ("caseq", "caseq_without_kl")
    of_models = [RecommenderFiles(study).architecture({"recommender": name}) for name in study.methods]
    assert of_models == [{"units": 2}, {"units": 2, "kl_weight": 0.0}]


def test_methods_that_age_are_run_at_every_gap_and_before_every_period() -> None:
    drift = {"gaps": [0, 5], "periods": 2, "methods": ["popularity", "ilora"]}
    study = study_of(results="r", seeds=[3, 4], methods=["popularity", "sasrec", "ilora"], drift=drift)
    files, movielens = Targets(study).drift, {"dataset": "movielens"}
    tuned = "embedded/ilora/default/seed~{}/predictions.parquet"
    for protocols, found in (
        (("chronological", "gap~5"), files.gap_predictions(movielens)),
        (("rolling~1of2", "rolling~2of2"), files.period_predictions(movielens)),
    ):
        assert found == [
            path
            for protocol in protocols
            for path in (
                f"r/baselines/movielens/{protocol}/popularity/predictions.parquet",
                *(f"r/llm/movielens/{protocol}/{tuned.format(seed)}" for seed in (3, 4)),
            )
        ]
    made = {"r/data/movielens/periods~2.parquet", "r/analysis/movielens/gap_drift.parquet"}
    assert made <= set(Targets(study).artifacts())
    assert Targets(study_of()).drift.artifacts() == []


def test_methods_are_trained_on_every_share_and_asked_with_every_length() -> None:
    scarcity = {"shares": [10, 100], "draws": [1, 2], "lengths": [1, 10], "methods": ["sasrec", "ilora"], "seeds": [4]}
    methods = ["popularity", "sasrec", "ilora"]
    study = study_of(results="r", seeds=[3, 4], methods=methods, scarcity=scarcity)
    files, movielens = Targets(study).scarcity, {"dataset": "movielens"}
    for protocols, seeds, found in (
        (("~share10draw1", "~share10draw2", ""), (4,), files.user_predictions(movielens)),
        (("~last1", ""), (3, 4), files.history_predictions(movielens)),
    ):
        assert found == [
            f"r/{method}/seed~{seed}/predictions.parquet"
            for protocol in protocols
            for method in (
                f"recommenders/movielens/random_users{protocol}/sasrec",
                f"llm/movielens/random_users{protocol}/embedded/ilora/default",
            )
            for seed in seeds
        ]
    gates = "r/analysis/movielens/random_users{}/embedded/ilora/default/seed~{}/{}.parquet"
    assert files.gates(movielens) == [
        gates.format(protocol, seed, "gates") for protocol in ("~last1", "") for seed in (3, 4)
    ]
    assert files.cold_gates(movielens) == [gates.format("", seed, "cold_gates") for seed in (3, 4)]
    made = {f"r/analysis/movielens/{name}.parquet" for name in ("scarce_users", "short_histories")}
    assert made <= set(Targets(study).artifacts()) and files.with_floors() == []
    assert Targets(study_of()).scarcity.artifacts() == []
    # What reads no representation of a history does nothing else with a short one.
    shuffled = study_of(scarcity={"lengths": [1, 10]}, finetuning={"gate_input": "shuffled"})
    assert Targets(shuffled).scarcity.with_gates() == []


def test_short_histories_are_answered_by_what_was_trained_with_whole_ones() -> None:
    tuning, recommenders = TuningFiles(study_of()), RecommenderFiles(study_of())
    path = {"dataset": "movielens", "backbone": "embedded", "method": "ilora", "variant": "default", "seed": "1"}
    short, whole = {**path, "protocol": "random_users~last3"}, {**path, "protocol": "random_users"}
    assert tuning.adapter_files(short) == tuning.adapter_files(whole)
    assert tuning.settings(short) == tuning.settings(whole)
    backbones = [ModelFiles(study_of()).backbone_files(each) for each in (short, whole)]
    assert backbones[0] == backbones[1] and "random_users/" in backbones[0]["backbone_weights"]
    sasrec = "results/recommenders/movielens/{}/sasrec/seed~1/{}.safetensors"
    assert tuning.encoder_files(short)["representations"] == sasrec.format(
        "random_users~last3", "sequence_representations"
    )
    # The adapter is checked against what it was trained on.
    assert tuning.trained_on(whole) == {}
    assert tuning.trained_on(short) == {
        "trained_on_sequences": "results/data/movielens/random_users/sequences.parquet",
        "trained_on_item_embeddings": sasrec.format("random_users", "item_embeddings"),
        "trained_on_representations": sasrec.format("random_users", "sequence_representations"),
    }
    assert recommenders.trained_with_whole_histories({**short, "recommender": "sasrec"}) == {
        "model": sasrec.format("random_users", "model"),
        "trained_representations": sasrec.format("random_users", "sequence_representations"),
    }
    for protocol, is_trained in (("random_users", True), ("released~share3draw1", True), ("released~last3", False)):
        patterns = recommenders.trained_protocols, recommenders.answered_protocols
        assert [bool(re.fullmatch(pattern, protocol)) for pattern in patterns] == [is_trained, not is_trained]


def test_a_share_of_the_users_is_trained_on_as_long_as_all_of_them() -> None:
    files, path = RecommenderFiles(study_of()), {"dataset": "movielens", "recommender": "sasrec"}
    whole = {"statistics_of_all_users": "results/data/movielens/random_users/dataset_statistics.parquet"}
    assert files.all_users({**path, "protocol": "random_users~share3draw2"}) == whole
    for protocol in ("random_users", "random_users~last3", "gap~5"):
        assert files.all_users({**path, "protocol": protocol}) == {}


def test_runs_of_every_kind_of_method() -> None:
    methods = ["popularity", "sasrec", "zero_shot", "gpt4", "chatrec", "ilora"]
    study = study_of(KEY, results="r", seeds=[3, 4], methods=methods)
    assert Targets(study).runs("movielens") == [
        "r/baselines/movielens/random_users/popularity",
        "r/recommenders/movielens/random_users/sasrec/seed~3",
        "r/recommenders/movielens/random_users/sasrec/seed~4",
        "r/llm/movielens/random_users/embedded/zero_shot/default",
        "r/llm/movielens/random_users/gpt-4o-2024-08-06/gpt4/default",
        "r/llm/movielens/random_users/gpt-4o-2024-08-06/chatrec/default/seed~3",
        "r/llm/movielens/random_users/embedded/ilora/default/seed~3",
        "r/llm/movielens/random_users/embedded/ilora/default/seed~4",
    ]


def test_a_generative_recommender_has_ids_of_texts_and_of_the_recommender_that_its_levels_name() -> None:
    study = study_of(methods=["tiger", "cofirec"], recommenders={"morec": {"encoder": "embedded"}})
    assert (study.generators, study.trained_recommenders) == (("tiger", "cofirec"), ("sasrec",))
    files = Targets(study).generative
    path = {"dataset": "movielens", "protocol": "random_users", "variant": "default", "seed": "1"}
    texts = "results/title_vectors/movielens/random_users/embedded/text_vectors.safetensors"
    assert files.vectors({**path, "generator": "tiger"}) == {"text_vectors": texts}
    assert files.vectors({**path, "generator": "cofirec"}) == {
        "text_vectors": texts,
        "item_embeddings": "results/recommenders/movielens/random_users/sasrec/seed~1/item_embeddings.safetensors",
    }
    assert Targets(study).runs("movielens")[0] == "results/generative/movielens/random_users/tiger/default/seed~1"
    assert texts in Targets(study).artifacts()
    assert files.tokenizer({"generator": "tiger"}) == {}, "nothing but defaults"

    cofirec: dict[str, Any] = {"levels": ["category", "title"]}
    without = study_of(methods=["cofirec"], generative={"cofirec": cofirec})
    assert without.trained_recommenders == ()
    assert "item_embeddings" not in Targets(without).generative.vectors({**path, "generator": "cofirec"})
    assert Targets(without).generative.tokenizer({"generator": "cofirec"})["cofirec"] == cofirec


def test_each_ablation_is_a_run_with_what_it_replaces() -> None:
    ablations = [{"order": "random"}, {"levels": ["category", "title"]}]
    study = study_of(
        methods=["tiger", "cofirec"],
        recommenders={"morec": {"encoder": "embedded"}},
        full_ranking={"enabled": True},
        generative={"ablations": {"cofirec": ablations}},
    )
    files = Targets(study).generative
    assert files.each_ablated() == [{"dataset": "movielens", "generator": "cofirec"}]
    path = {"dataset": "movielens", "protocol": "random_users", "generator": "cofirec", "seed": "1"}
    folder = "results/generative/movielens/random_users/cofirec"
    ranks = files.ranks_of_ablations(path)
    assert ranks == [
        f"{folder}/{variant}/seed~1/ranks.parquet" for variant in ("default", "order~random", "levels~category-title")
    ]
    assert {*ranks, f"{folder}/ablations.parquet"} <= set(Targets(study).artifacts())
    replaced = {variant: files.tokenizer({**path, "variant": variant}) for variant in files.variants("cofirec")}
    assert [settings.get("cofirec") for settings in replaced.values()] == [None, *ablations]
    assert "item_embeddings" in files.vectors({**path, "variant": "order~random"})
    assert "item_embeddings" not in files.vectors({**path, "variant": "levels~category-title"})
    with pytest.raises(ConfigurationError, match="variant: found order~fine_to_coarse, expected one of default, order"):
        files.tokenizer({**path, "variant": "order~fine_to_coarse"})


def test_searched_recommenders_lie_apart() -> None:
    study = study_of(methods=["sasrec"], recommenders={"weight_decay": "searched"})
    folder = "results/recommenders/movielens/random_users/sasrec"
    assert Targets(study).runs("movielens") == [f"{folder}/weight_decay~searched/seed~1"]
    search = Targets(study).recommenders.search()
    assert search[0] == f"{folder}/weight_decays.parquet" and len(search) == 6
    assert Targets(study_of(methods=["sasrec"])).recommenders.search() == []


@pytest.mark.parametrize(("name", "artifacts"), [("smoke", 63), ("paper", 2670), ("figures", 201), ("own_data", 33)])
def test_every_study_asks_for_each_artifact_once(repository: Path, name: str, artifacts: int) -> None:
    config = yaml.safe_load((repository / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))
    found = Targets(Study.load(config, {})).artifacts()
    assert len(found) == len(set(found)) == artifacts
    assert not [path for path in found if "{" in path]


def test_patterns_of_methods() -> None:
    assert methods_that(adapter="instance_wise") == "ilora"
    assert methods_that(prompt="text", adapter="uniform") == "tallrec"
    assert methods_that(is_tuned=False) == "zero_shot"
    assert methods_that(prompt="none") == "(?!)"
