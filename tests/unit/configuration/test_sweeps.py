"""Sweeps share common runs, and inconsistent ones are refused before anything is planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ilora.configuration.loading import load_study
from ilora.configuration.study import StudyConfig
from ilora.configuration.sweep_cells import SweepCell
from ilora.configuration.sweeps import sweep_cells, sweep_seeds
from ilora.configuration.validation import ConfigurationError
from ilora.configuration.variants import resolve_variant

EXPERTS: dict[str, Any] = {"parameter": "experts", "values": [1, 2, 4, 8]}


def cells(study: StudyConfig, name: str) -> list[SweepCell]:
    return sweep_cells(study, name)


def study_of(repository: Path, name: str) -> StudyConfig:
    return load_study(yaml.safe_load((repository / "studies" / f"{name}.yaml").read_text(encoding="utf-8")))


def lines_of(**sweep: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_study({"sweeps": {"mine": sweep}})
    return [line.strip() for line in str(caught.value).split("\n")[1:]]


def test_the_studys_own_value_is_its_default_run() -> None:
    study = load_study({"sweeps": {"experts": EXPERTS}})
    assert [(cell.setting, cell.variant, cell.is_reference) for cell in cells(study, "experts")] == [
        ("1", "experts~1", False),
        ("2", "experts~2", False),
        ("4", "default", True),
        ("8", "experts~8", False),
    ]


def test_a_method_that_does_not_read_the_parameter_has_one_cell() -> None:
    study = load_study({"sweeps": {"experts": {**EXPERTS, "methods": ["ilora", "llara"]}}})
    assert cells(study, "experts")[4:] == [SweepCell("movielens", "llara", None, "default", False)]


def test_common_settings_are_in_every_name() -> None:
    study = load_study({"sweeps": {"experts": {**EXPERTS, "settings": {"steps": 70, "snapshots": [35]}}}})
    names = [cell.variant for cell in cells(study, "experts")]
    assert names[1:3] == ["experts~2_steps~70_snapshots~35", "steps~70_snapshots~35"]
    assert [cell.is_reference for cell in cells(study, "experts")] == [False, False, True, False]


def test_seeds_are_the_studys_or_the_sweeps_own() -> None:
    study = load_study({"seeds": [1, 2], "sweeps": {"a": EXPERTS, "b": {**EXPERTS, "seeds": [7]}}})
    assert [sweep_seeds(study, sweep) for sweep in study.sweeps.values()] == [(1, 2), (7,)]


@pytest.mark.parametrize(("name", "trained"), [("figures", 17), ("embedded", 20), ("paper", 54)])
def test_no_two_runs_of_a_study_have_the_same_settings(repository: Path, name: str, trained: int) -> None:
    study = study_of(repository, name)
    found: dict[tuple[str, str, str], str] = {}
    for sweep in study.sweeps:
        for cell in cells(study, sweep):
            settings = resolve_variant(study, cell.dataset, cell.method, cell.variant)
            unread = {"experts", "gate", "active_experts", "gate_input", "scale", "gate_learning_rate", "snapshots"}
            values = settings.finetuning.model_dump_json(exclude=unread if cell.method == "llara" else {"snapshots"})
            key = cell.dataset, cell.method, settings.sequence_encoder + values
            assert found.setdefault(key, cell.variant) == cell.variant
    assert len(found) == trained


def test_the_shorter_sweeps_hold_no_longer_run(repository: Path) -> None:
    study = study_of(repository, "figures")
    assert {cell.variant == "default" for sweep in study.sweeps for cell in cells(study, sweep)} == {False}


@pytest.mark.parametrize(
    ("sweep", "line"),
    [
        ({"values": [1, 4]}, "sweeps.mine.parameter: found nothing, expected a value: it has no default"),
        ({**EXPERTS, "values": [4]}, "sweeps.mine.values: found [4], expected at least 2 entry"),
        (
            {**EXPERTS, "methods": ["sasrec"]},
            'sweeps.mine.methods[0]: found "sasrec", expected tallrec, llara or ilora',
        ),
        (
            {**EXPERTS, "parameter": "heads"},
            "sweeps.mine.parameter: found heads, expected one of sequence_encoder, preset, r, ",
        ),
        (
            {**EXPERTS, "values": [4, "two"]},
            'sweeps.mine.values[1].experts: found "two", expected a whole number',
        ),
        (
            {**EXPERTS, "values": [4, 16]},
            "sweeps.mine.values[1]: found 16, which makes finetuning.r 8 on movielens, expected a multiple of "
            "finetuning.experts (16): each expert has rank r/experts",
        ),
        (
            {**EXPERTS, "values": [1, 2]},
            "sweeps.mine.values: found [1, 2], expected the study's own experts of movielens among them, as the "
            "reference for the others",
        ),
        ({**EXPERTS, "values": [4, 4]}, "sweeps.mine.values: found 4 2 times, expected each entry once"),
        ({**EXPERTS, "datasets": ["steam"]}, "sweeps.mine.datasets: found steam, expected one of the study's datasets"),
        (
            {**EXPERTS, "settings": {"experts": 4}},
            "sweeps.mine.settings.experts: found the parameter, expected the parameter only in ",
        ),
        (
            {**EXPERTS, "settings": {"step": 4}},
            "sweeps.mine.settings.step: found an unknown key, expected one of sequence_encoder",
        ),
        ({**EXPERTS, "settings": {"steps": 0}}, "sweeps.mine.settings.steps: found 0, expected a value of at least 1"),
        (
            {**EXPERTS, "settings": {"steps": 700}},
            "sweeps.mine.values[0]: found 1, which makes finetuning.snapshots [1000, 2000] on movielens, expected "
            "steps up to finetuning.steps (700)",
        ),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(sweep: dict[str, Any], line: str) -> None:
    assert lines_of(**sweep)[0].startswith(line)
