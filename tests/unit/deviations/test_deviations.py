"""Which deviations from the paper a study has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.presets import preset_values
from ilora.configuration.study import StudyConfig
from ilora.pages.deviations import Settings, deviation_table, deviations_of
from ilora.recommenders.weight_decay import Trial, compare_weight_decays
from ilora.reporting.weight_decays import WeightDecaySearch

PAPER: dict[str, Any] = {
    "datasets": ["lastfm", "movielens", "steam"],
    "seeds": [1, 2, 3, 4, 5],
    "backbone": {"name": "meta-llama/Llama-2-7b-hf"},
    "prompt": {"order": "history_first", "behaviour_token": "after_title"},
    "finetuning": {"preset": "paper"},
}


def study_of(**settings: object) -> Settings:
    config = StudyConfig.model_validate_json(StudyConfig().model_validate(_frozen(settings)).model_dump_json())
    as_paper = config.finetuning.model_copy(update={"preset": "paper", "per_dataset": {}})
    named = set(preset_values("paper", 1.0))
    return Settings(
        settings=config.model_dump(mode="json"),
        finetuning={
            name: finetuning_values(config.finetuning, name).model_dump(mode="json") for name in config.datasets
        },
        paper_finetuning={
            name: finetuning_values(as_paper, name).model_dump(mode="json", include=named) for name in config.datasets
        },
    )


def _frozen(value: object) -> object:
    """Return lists as the tuples that the model holds."""
    if isinstance(value, Mapping):
        return {key: _frozen(entry) for key, entry in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def subjects(study: Settings) -> list[str]:
    return [found.subject for found in deviations_of(study)]


def test_the_default_study_names_its_backbone_its_prompt_and_its_fine_tuning() -> None:
    found = {deviation.subject: deviation for deviation in deviations_of(study_of())}
    assert found["Language model"].paper.startswith("Llama-2-7B")
    assert "cannot be set against the paper's" in found["Language model"].effect
    assert found["Seeds"].here.startswith("One")
    assert found["MovieLens, fine-tuning: length"].paper == "5 passes over the training sequences"
    assert found["MovieLens, fine-tuning: length"].here == "2800 steps"
    assert found["MovieLens, fine-tuning: learning rate"].paper == "0.0001"
    assert found["MovieLens, fine-tuning: curriculum"].here == "no"
    assert "Order of the prompt" in found and "Place of a behaviour token" in found
    assert "MovieLens, fine-tuning: gate learning rate" not in found  # it is that of the whole, told already
    assert not [subject for subject in found if "LastFM" in subject]


def test_the_papers_own_settings_leave_what_no_setting_can_change() -> None:
    assert subjects(study_of(**PAPER)) == [
        "Test users",
        "MovieLens: films rated at the same time",
        "LastFM: order of the sequences",
        "Steam: users and games",
        "Candidate sets of a user",
        "Size of a candidate set",
        "HitRatio@1",
        "Valid answers",
        "Equal scores",
        "Training of GRU4Rec, Caser and SASRec",
        "Methods",
        "Words of the prompt",
    ]


@pytest.mark.parametrize(
    ("settings", "present", "absent"),
    [
        ({"protocol": "chronological"}, "Splits", "Test users"),
        ({"backbone": {"name": "Qwen/Qwen3-0.6B"}}, "Language model", "Splits"),
        ({"methods": ["popularity", "chatrec"]}, "ChatRec and GPT-4", "MovieLens, fine-tuning: length"),
        ({}, "Methods", "ChatRec and GPT-4"),
        ({"data": {"draws": 1}}, "HitRatio@1", "Candidate sets of a user"),
        ({"methods": ["tallrec", "morec"]}, "TALLRec", "Training of GRU4Rec, Caser and SASRec"),
        ({"methods": ["tallrec", "morec"]}, "MoRec", "Splits"),
        (PAPER | {"prompt": {**PAPER["prompt"], "template": "chat"}}, "Template of the prompt", "Order of the prompt"),
        ({"methods": ["popularity"]}, "Methods", "MovieLens, fine-tuning: length"),
    ],
)
def test_deviations_are_chosen_by_the_settings(settings: dict[str, object], present: str, absent: str) -> None:
    found = subjects(study_of(**settings))
    assert present in found and absent not in found


def test_a_searched_l2_is_told_with_what_was_chosen() -> None:
    logs = {0.0: 0.4, 0.001: 0.5}
    trials = [Trial(value, pa.table({"epoch": [1.0], "validation_hit_ratio@1": [hit]})) for value, hit in logs.items()]
    search = WeightDecaySearch("movielens", "sasrec", compare_weight_decays(trials))
    settings = {"weight_decay": "searched", "weight_decay_search": {"values": [0.0, 0.001]}}
    study = replace(study_of(recommenders=settings), weight_decays=[search])
    (found,) = (entry for entry in deviations_of(study) if entry.subject.startswith("Training of"))
    assert "best on validation among 0, 0.001 (1 training of each): 0.001 for SASRec on MovieLens." in found.here
    (found,) = (entry for entry in deviations_of(study_of()) if entry.subject.startswith("Training of"))
    assert found.here.endswith("L2 is 0, without a search.")


def test_how_morec_is_trained_is_told() -> None:
    frozen = study_of(methods=["morec"])
    trained = study_of(methods=["morec"], recommenders={"morec": {"training": "end_to_end", "compared_items": "batch"}})
    heres = [found.here for study in (frozen, trained) for found in deviations_of(study) if found.subject == "MoRec"]
    assert heres[0].endswith(
        "embedded, which stays as it is: a linear map to the items' embeddings is trained with the rest."
    )
    assert heres[1].endswith("embedded, trained with the rest; the loss is over the items of the batch.")


def test_one_data_sets_own_value_is_named() -> None:
    study = study_of(**PAPER | {"finetuning": {"preset": "paper", "per_dataset": {"steam": {"r": 16}}}})
    assert [subject for subject in subjects(study) if "fine-tuning" in subject] == ["Steam, fine-tuning: r"]
    table = deviation_table(study)
    assert "<td>Steam, fine-tuning: r</td><td>8</td><td>16</td>" in table
    assert table.count("<tr>") == 1 + len(deviations_of(study))
