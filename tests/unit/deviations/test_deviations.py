"""The deviations of a study from the paper."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pyarrow as pa
import pytest

from ilora.configuration.sections.finetuning_values import AdapterValues
from ilora.configuration.study import StudyConfig
from ilora.data.protocol_names import CHRONOLOGICAL, RANDOM_USERS, RELEASED
from ilora.data.protocols import PROTOCOLS
from ilora.deviations.declaration import Deviation, Settings
from ilora.deviations.gate import GATES
from ilora.deviations.register import deviations_of
from ilora.deviations.settings import deviation_settings
from ilora.pages.deviations import deviation_table
from ilora.recommenders.weight_decay import Trial, compare_weight_decays
from ilora.reporting.weight_decays import WeightDecaySearch

PAPER: dict[str, Any] = {
    "datasets": ["lastfm", "movielens", "steam"],
    "seeds": [1, 2, 3, 4, 5],
    "backbone": {"name": "meta-llama/Llama-2-7b-hf"},
    "prompt": {"order": "history_first", "behaviour_token": "after_title"},
    "decoding": {"maximum_new_tokens": 64},
    "finetuning": {"preset": "paper"},
}


def study_of(**settings: object) -> Settings:
    return deviation_settings(
        StudyConfig.model_validate_json(StudyConfig().model_validate(_frozen(settings)).model_dump_json())
    )


def of_protocol(protocol: str, **settings: object) -> Settings:
    study = study_of(**settings)
    return replace(study, settings={**study.settings, "protocol": protocol})


def _frozen(value: object) -> object:
    """Convert lists to tuples, as in the model."""
    if isinstance(value, Mapping):
        return {key: _frozen(entry) for key, entry in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def subjects(study: Settings) -> list[str]:
    return [found.subject for found in deviations_of(study)]


def the(subject: str, study: Settings) -> Deviation:
    (found,) = (deviation for deviation in deviations_of(study) if deviation.subject == subject)
    return found


def test_the_protocols_are_called_what_the_deviations_call_them() -> None:
    assert {RANDOM_USERS, CHRONOLOGICAL} <= {*PROTOCOLS} <= {RANDOM_USERS, CHRONOLOGICAL, RELEASED}


def test_the_default_study_names_its_backbone_its_prompt_and_its_fine_tuning() -> None:
    found = {deviation.subject: deviation for deviation in deviations_of(study_of())}
    assert found["Language model"].paper.startswith("Llama-2-7B")
    assert "not comparable with the paper's" in found["Language model"].effect
    assert found["Seeds"].here.startswith("One")
    assert found["MovieLens, fine-tuning: length"].paper == "5 passes over the training sequences"
    assert found["MovieLens, fine-tuning: length"].here == "2800 steps"
    assert found["MovieLens, fine-tuning: learning rate"].paper == "0.0001; 0.0008 in the released code"
    assert found["MovieLens, fine-tuning: curriculum"].here == "no"
    assert "Order of the prompt" in found and "Position of behaviour tokens" in found
    assert not [subject for subject in found if "LastFM" in subject]


def test_the_papers_own_settings_leave_what_no_setting_can_change() -> None:
    fine_tuning = [
        f"{dataset}, fine-tuning: {setting}"
        for dataset in ("LastFM", "MovieLens", "Steam")
        for setting in ("scale", "gate learning rate", "learning rate")
    ]
    found = subjects(study_of(**PAPER))
    assert found == [
        "Test users",
        "MovieLens: users of the splits",
        "MovieLens: films rated at the same time",
        "MovieLens: candidate films",
        "MovieLens: titles",
        "LastFM: order of the sequences",
        "LastFM: users of the splits",
        "LastFM: the target among the candidates",
        "LastFM: titles",
        "Steam: users and games",
        "Steam: test sequences",
        "Steam: titles",
        "Candidate sets of a user",
        "Size of a candidate set",
        "HitRatio@1",
        "Valid answers",
        "Answers that begin with a newline",
        "Padding of prompts",
        "Equal scores",
        "Values that match no count",
        "Training of GRU4Rec, Caser and SASRec",
        "Methods",
        "Wording of the prompt",
        "Gate",
        "Fine-tuning: optimiser",
        "Fine-tuning: learning-rate floor",
        "Fine-tuning: projector initialisation",
        "Fine-tuning: selection of the epoch",
        "Fine-tuning: curriculum counter",
        *found[-9:],
    ]
    assert sorted(found[-9:]) == sorted(fine_tuning)


@pytest.mark.parametrize(
    ("settings", "present", "absent"),
    [
        ({"protocol": CHRONOLOGICAL}, "Splits", "Test users"),
        ({"protocol": CHRONOLOGICAL}, "MovieLens: candidate films", "Values that match no count"),
        ({"backbone": {"name": "Qwen/Qwen3-0.6B"}}, "Language model", "Splits"),
        ({"methods": ["popularity", "chatrec"]}, "ChatRec and GPT-4", "MovieLens, fine-tuning: length"),
        ({"methods": ["popularity", "chatrec"]}, "Answers that begin with a newline", "Padding of prompts"),
        ({"methods": ["popularity", "sasrec"]}, "Values that match no count", "Answers that begin with a newline"),
        ({"methods": ["popularity", "gru4rec"]}, "Equal scores", "Values that match no count"),
        ({}, "Methods", "ChatRec and GPT-4"),
        ({"data": {"draws": 1}}, "HitRatio@1", "Candidate sets of a user"),
        ({"methods": ["tallrec", "morec"]}, "TALLRec", "Training of GRU4Rec, Caser and SASRec"),
        ({"methods": ["tallrec", "morec"]}, "MoRec", "Splits"),
        ({"methods": ["sasrec", "caseq"]}, "CaseQ: units", "MoRec"),
        ({"methods": ["sasrec"], "recommenders": {"sequence_encoder": "caseq"}}, "Test users", "CaseQ: units"),
        ({"methods": ["ilora"], "recommenders": {"sequence_encoder": "caseq_without_kl"}}, "CaseQ: training", "MoRec"),
        ({"methods": ["tallrec"]}, "Fine-tuning: optimiser", "Gate"),
        ({"methods": ["tallrec"]}, "MovieLens, fine-tuning: batch size", "MovieLens, fine-tuning: scale"),
        ({"methods": ["llara"]}, "Fine-tuning: projector initialisation", "Number of experts"),
        (PAPER | {"prompt": {**PAPER["prompt"], "template": "chat"}}, "Prompt template", "Order of the prompt"),
        (
            {"prompt": {"candidates": "none"}, "decoding": {"constrained": True}},
            "Candidates in the prompt",
            "Order of the prompt",
        ),
        ({"methods": ["popularity"]}, "Methods", "MovieLens, fine-tuning: length"),
        ({"decoding": {"maximum_new_tokens": 32}}, "Length of an answer", "Constrained answers"),
        ({"decoding": {"constrained": True}}, "Constrained answers", "Length of an answer"),
        (
            {"finetuning": {"curriculum": True}},
            "Fine-tuning: curriculum counter",
            "MovieLens, fine-tuning: curriculum",
        ),
        ({}, "Gate", "Number of experts"),
        ({"sweeps": {"k": {"parameter": "experts", "values": [2, 4]}}}, "Number of experts", "Splits"),
    ],
)
def test_deviations_are_chosen_by_the_settings(settings: dict[str, object], present: str, absent: str) -> None:
    found = subjects(study_of(**settings))
    assert present in found and absent not in found


def test_the_released_users_leave_no_deviation_of_the_users() -> None:
    found = subjects(of_protocol(RELEASED, datasets=["lastfm", "movielens", "steam"]))
    assert [
        subject for subject in found if subject.split(":")[0] in ("Test users", "LastFM", "MovieLens", "Steam")
    ] == [
        "MovieLens: candidate films",
        "MovieLens: titles",
        "LastFM: order of the sequences",
        "LastFM: the target among the candidates",
        "LastFM: titles",
        "Steam: users",
        "Steam: test sequences",
        "Steam: titles",
    ]


def test_switches_of_the_released_code_are_named_unless_they_are_set() -> None:
    switches = {
        "Fine-tuning: optimiser",
        "Fine-tuning: learning-rate floor",
        "Fine-tuning: projector initialisation",
        "Fine-tuning: selection of the epoch",
        "Fine-tuning: curriculum counter",
    }
    assert switches <= {*subjects(study_of(**PAPER))}
    released = study_of(**PAPER | {"finetuning": {"preset": "released"}})
    assert switches.isdisjoint(subjects(released))
    assert "one of three" in the("Wording of the prompt", released).here
    one = {"movielens": {"maximum_gradient_norm": 0.5}}
    clipped = study_of(**PAPER | {"finetuning": {"preset": "released", "per_dataset": one}})
    assert (
        the("Fine-tuning: optimiser", clipped).here
        == "adam_beta2: 0.999; l2: 1e-05; maximum_gradient_norm: none or 0.5."
    )


def test_cells_that_are_no_counts_are_named_for_the_studys_methods() -> None:
    found = the("Values that match no count", study_of(datasets=["lastfm", "movielens"], methods=["sasrec", "gru4rec"]))
    assert "gives LastFM GRU4Rec 0.2616, MovieLens SASRec 0.3444: neither" in found.paper


def test_every_gate_is_told_against_the_released_one() -> None:
    assert {*GATES} == {*get_args(AdapterValues.model_fields["gate"].annotation)}
    heres = [the("Gate", study_of(finetuning={"gate": gate})).here for gate in ("linear", "residual_convolution")]
    assert heres[0].startswith("The text's") and heres[1].startswith("The released code's")


def test_a_searched_l2_is_told_with_what_was_chosen() -> None:
    logs = {0.0: 0.4, 0.001: 0.5}
    trials = [Trial(value, pa.table({"epoch": [1.0], "validation_hit_ratio@1": [hit]})) for value, hit in logs.items()]
    search = WeightDecaySearch("movielens", "sasrec", compare_weight_decays(trials))
    settings = {"weight_decay": "searched", "weight_decay_search": {"values": [0.0, 0.001]}}
    study = replace(study_of(recommenders=settings), weight_decays=[search])
    found = the("Training of GRU4Rec, Caser and SASRec", study)
    assert "best on validation among 0, 0.001 (1 training of each): 0.001 for SASRec on MovieLens." in found.here
    found = the("Training of GRU4Rec, Caser and SASRec", study_of())
    assert found.here.endswith("L2 is 0, without a search.")


def test_how_morec_is_trained_is_told() -> None:
    frozen = study_of(methods=["morec"])
    trained = study_of(methods=["morec"], recommenders={"morec": {"training": "end_to_end", "compared_items": "batch"}})
    heres = [the("MoRec", study).here for study in (frozen, trained)]
    assert heres[0].endswith("embedded, which is frozen: a linear map to the item embeddings is trained with the rest.")
    assert heres[1].endswith("embedded, trained with the rest; the loss is over the items of the batch.")


def test_one_data_sets_own_value_is_named() -> None:
    study = study_of(**PAPER | {"finetuning": {"preset": "paper", "per_dataset": {"steam": {"r": 16}}}})
    assert [subject for subject in subjects(study) if subject.endswith("fine-tuning: r")] == ["Steam, fine-tuning: r"]
    table = deviation_table(study)
    assert "<td>Steam, fine-tuning: r</td><td>8</td><td>16</td>" in table
    assert table.count("<tr>") == 1 + len(deviations_of(study))


def test_the_released_preset_is_told_where_it_leaves_the_papers_text() -> None:
    study = study_of(**PAPER | {"finetuning": {"preset": "released"}})
    found = the("MovieLens, fine-tuning: learning rate", study)
    assert (found.paper, found.here) == ("0.0001; 0.0008 in the released code", "0.0008")


def test_generative_recommenders_depart_from_their_own_papers() -> None:
    assert not [subject for subject in subjects(study_of()) if "TIGER" in subject or "T5" in subject]
    found = {
        deviation.subject: deviation
        for deviation in deviations_of(study_of(methods=["popularity", "tiger", "cofirec"]))
    }
    assert {"TIGER: ids", "CoFiRec: ids", "Generative recommenders: the T5"} <= set(found)
    assert "RQ-VAE" in found["TIGER: ids"].here
    assert "initialised by k-means on all items, after 50 epochs without codebooks" in found["TIGER: ids"].here
    assert "512 codes each" in found["CoFiRec: ids"].here
    alone = study_of(methods=["tiger"], generative={"tiger": {"quantiser": "residual_k_means"}})
    assert "CoFiRec: ids" not in subjects(alone)
    assert "k-means on residuals" in {d.subject: d.here for d in deviations_of(alone)}["TIGER: ids"]
