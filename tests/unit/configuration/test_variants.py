"""Names and settings of variants correspond one to one, and a run has one name in a study."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilora.configuration.loading import load_study
from ilora.configuration.study import StudyConfig
from ilora.configuration.validation import ConfigurationError
from ilora.configuration.variants import (
    KEYS,
    check_overrides,
    format_variant,
    parse_variant,
    resolve_variant,
    variant_name,
    variant_settings,
)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "sequence_encoder": st.sampled_from(["sasrec", "gru4rec", "caser"]),
    "preset": st.sampled_from(["paper", "released", None]),
    "r": st.sampled_from([8, 16]),
    "lora_alpha": st.floats(0.001, 1e6),
    "lora_dropout": st.floats(0, 0.99),
    "experts": st.sampled_from([1, 2, 4, 8]),
    "gate": st.sampled_from(["linear", "residual_convolution"]),
    "gate_input": st.sampled_from(["sequence_representation", "shuffled", "constant"]),
    "scale": st.sampled_from(["per_rank", "per_expert_rank"]),
    "item_vectors": st.sampled_from(["raw", "decorrelated"]),
    "learning_rate": st.floats(1e-9, 1),
    "gate_learning_rate": st.one_of(st.none(), st.floats(1e-9, 1)),
    "steps": st.one_of(st.none(), st.integers(1, 9999)),
    "curriculum": st.booleans(),
    "snapshots": st.lists(st.integers(1, 9999), max_size=3),
}
OVERRIDES = st.fixed_dictionaries({}, optional=VALUES)
METHODS = st.sampled_from(["tallrec", "llara", "ilora"])
STUDIES = st.sampled_from([load_study({}), load_study({"finetuning": {"preset": "paper", "snapshots": []}})])


@given(OVERRIDES)
def test_a_name_gives_back_its_overrides(overrides: dict[str, Any]) -> None:
    checked = check_overrides(overrides, ())
    name = format_variant(checked)
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", name)
    assert parse_variant(name) == checked == overrides
    assert list(parse_variant(name)) == [key for key in KEYS if key in overrides]


@given(STUDIES, METHODS, OVERRIDES)
def test_a_name_has_the_settings_of_all_overrides_that_the_method_reads(
    study: StudyConfig, method: str, overrides: dict[str, Any]
) -> None:
    checked = check_overrides(overrides, ())
    name = variant_name(study, "movielens", method, checked)
    resolved, expected = (
        resolve_variant(study, "movielens", method, name),
        variant_settings(study, "movielens", method, checked),
    )
    unread = {"experts", "gate", "gate_input", "scale", "gate_learning_rate"} if method != "ilora" else set()
    hybrid = {"item_vectors", "projector_learning_rate", "projector_start", "l2", "curriculum", "curriculum_counter"}
    unread |= hybrid if method == "tallrec" else set()
    assert resolved.sequence_encoder == (expected.sequence_encoder if method != "tallrec" else "sasrec")
    assert resolved.finetuning.model_dump(exclude=unread) == expected.finetuning.model_dump(exclude=unread)


@given(STUDIES, METHODS, OVERRIDES)
def test_a_name_is_its_own(study: StudyConfig, method: str, overrides: dict[str, Any]) -> None:
    name = variant_name(study, "movielens", method, check_overrides(overrides, ()))
    assert variant_name(study, "movielens", method, parse_variant(name)) == name


def test_names() -> None:
    study = load_study({"finetuning": {"per_dataset": {"steam": {"r": 16}}}})

    def name(method: str, dataset: str = "movielens", **overrides: Any) -> str:
        return variant_name(study, dataset, method, check_overrides(overrides, ()))

    assert name("ilora", experts=4, sequence_encoder="sasrec") == "default"
    assert name("ilora", steps=700, experts=2) == "experts~2_steps~700"
    assert (
        name("ilora", gate_input="shuffled", sequence_encoder="gru4rec")
        == "sequence_encoder~gru4rec_gate_input~shuffled"
    )
    assert name("ilora", gate="residual_convolution") == "gate~residual_convolution"
    assert name("ilora", snapshots=[10, 20], steps=30) == "steps~30_snapshots~10-20"
    assert name("ilora", snapshots=[]) == "snapshots~none"
    assert name("ilora", learning_rate=1e-5, steps=None) == "learning_rate~1e-05_steps~null"
    assert (name("llara", r=16), name("llara", "steam", r=16)) == ("r~16", "default")
    assert name("llara", experts=2, scale="per_rank") == "default"
    assert name("ilora", preset="paper", experts=4, scale="per_rank") == "preset~paper"
    assert name("tallrec", sequence_encoder="gru4rec", item_vectors="raw", experts=2, curriculum=True) == "default"
    assert (name("tallrec", r=8, lora_alpha=16.0), name("tallrec", lora_alpha=32.0)) == ("default", "lora_alpha~32.0")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("experts~x", 'variant.experts~x.experts: found "x", expected a whole number'),
        (
            "depth~3",
            "variant: found depth~3, expected default, or key~value pairs joined by _, in this order: sequence_en",
        ),
        ("experts", "variant: found experts, expected default, or "),
        ("", "variant: found , expected default, or "),
        ("steps~10_experts~2", "variant: found steps~10_experts~2, expected default, or key~value pairs"),
        ("experts~2_experts~4", "variant: found experts~2_experts~4, expected default, or key~value pairs"),
        ("lora_alpha~8", "variant: found lora_alpha~8, expected default, or key~value pairs"),
        ("experts~2_depth~3", 'variant.experts~2_depth~3.experts: found "2_depth~3", expected a whole number'),
        ("gate~deep", 'variant.gate~deep.gate: found "deep", expected linear, residual_convolution or top_k'),
    ],
)
def test_what_is_no_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_variant(name)
    assert message in str(caught.value)


def test_a_second_name_for_the_same_run_is_refused() -> None:
    study = load_study({})
    with pytest.raises(ConfigurationError, match="found experts~4, expected default: that is the name of ilora "):
        resolve_variant(study, "movielens", "ilora", "experts~4")
    with pytest.raises(ConfigurationError, match="found experts~2, expected default: that is the name of llara "):
        resolve_variant(study, "movielens", "llara", "experts~2")


def test_what_does_not_exist_cannot_be_replaced() -> None:
    with pytest.raises(
        ConfigurationError, match="sweeps.x.settings.target_modules: found an unknown key, expected one"
    ):
        check_overrides({"target_modules": ["q_proj"]}, ("sweeps", "x", "settings"))
