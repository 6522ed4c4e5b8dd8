"""The register's declarations match the configuration, and the derived names are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilora.code_version import imported_modules
from ilora.configuration.decoding import decoding_values
from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.loading import load_study
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.study import StudyConfig
from ilora.configuration.validation import ConfigurationError
from ilora.deviations.recommenders import PAPER_METHODS
from ilora.methods.declaration import AdapterKind, LanguageModelMethod, PromptKind
from ilora.methods.register import LABELS, LANGUAGE_MODEL_METHODS, RECOMMENDERS, TUNED_METHODS


def test_the_order_is_that_of_the_papers_table_but_for_morec_which_stands_with_the_recommenders() -> None:
    paper = [name for name in PAPER_METHODS if name in LABELS and name != "morec"]
    assert [name for name in LABELS if name in paper] == paper
    assert [*RECOMMENDERS][-1] == "morec"
    assert {*StudyConfig().methods} <= {*LABELS}
    assert len({*LABELS.values()}) == len(LABELS)


@pytest.mark.parametrize("method", LANGUAGE_MODEL_METHODS)
def test_values_of_its_own_are_values_of_the_configuration(method: str) -> None:
    declared = LANGUAGE_MODEL_METHODS[method]
    section = StudyConfig().finetuning.model_copy(update={"per_method": {}})
    values = finetuning_values(section, "movielens", method).model_dump(mode="json")
    shared = finetuning_values(section, "movielens").model_dump(mode="json")
    assert {key: values[key] for key in values if values[key] != shared[key]} == {
        key: value for key, value in declared.finetuning.items() if shared[key] != value
    }
    answers = decoding_values(DecodingSection(), method).model_dump(mode="json")
    assert answers == {**DecodingSection().model_dump(mode="json"), **declared.decoding}


@pytest.mark.parametrize("preset", [None, "paper", "released"])
def test_tallrec_keeps_its_own_adapter(preset: str | None) -> None:
    study = load_study({"finetuning": {"preset": preset, "snapshots": [], "per_dataset": {"movielens": {"r": 16}}}})
    values = finetuning_values(study.finetuning, "movielens", "tallrec")
    assert (values.r, values.lora_alpha, values.target_modules) == (8, 16.0, ("q_proj", "v_proj"))
    llara = finetuning_values(study.finetuning, "movielens", "llara")
    assert (llara.r, llara.lora_alpha, len(llara.target_modules)) == (16, 32.0, 7)
    assert values.learning_rate == llara.learning_rate


def test_a_study_can_change_one_method() -> None:
    study = load_study({"finetuning": {"per_method": {"tallrec": {"r": 6}, "llara": {"steps": 5, "snapshots": []}}}})
    values = finetuning_values(study.finetuning, "movielens", "tallrec")
    assert (values.r, values.lora_alpha) == (6, 16.0)  # no gate divides the rank, and the rest stays declared
    assert finetuning_values(study.finetuning, "movielens", "llara").steps == 5
    assert finetuning_values(study.finetuning, "movielens", "ilora").steps == 2800


@pytest.mark.parametrize(
    ("per_method", "message"),
    [
        (
            {"ilora": {"r": 6}},
            "finetuning.per_method.ilora.r: found 6, expected a multiple of finetuning.experts",
        ),
        ({"llara": {"steps": 5}}, "finetuning.snapshots: found "),
        ({"llara": {"ranks": 5}}, "finetuning.per_method.llara.ranks: found an unknown key, expected one of r, "),
        ({"llara": {"r": "x"}}, 'finetuning.per_method.llara.r: found "x", expected a whole number'),
        ({"zero_shot": {"r": 4}}, "expected tallrec, llara or ilora"),
    ],
)
def test_wrong_values_of_one_method_are_refused(per_method: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_study({"finetuning": {"per_method": per_method}})
    assert message in str(caught.value)


@pytest.mark.parametrize(("prompt", "adapter"), [("hybrid", "none"), ("text", "instance_wise")])
def test_what_does_not_go_together_is_no_method(prompt: PromptKind, adapter: AdapterKind) -> None:
    with pytest.raises(ValueError, match=f"mine: found the prompt {prompt} with the adapter {adapter}, expected"):
        LanguageModelMethod("mine", "Mine", prompt, adapter)


def test_what_methods_are() -> None:
    assert TUNED_METHODS == ("tallrec", "llara", "ilora")
    assert [name for name, method in LANGUAGE_MODEL_METHODS.items() if method.is_gated] == ["ilora"]
    assert [name for name, method in LANGUAGE_MODEL_METHODS.items() if method.is_hybrid] == ["llara", "ilora"]


@pytest.mark.parametrize(
    "script",
    ["fine_tune", "answer_fine_tuned", "answer_zero_shot", "pretrain_backbone", "train_recommender", "score_baseline"],
)
def test_a_new_method_makes_no_training_run_again(repository: Path, script: str) -> None:
    scripts = repository / "workflow_scripts"
    assert "ilora.methods.register" not in imported_modules(scripts / f"{script}.py", scripts)
