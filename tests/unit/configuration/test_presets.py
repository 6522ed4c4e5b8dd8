"""The presets have the values of the paper and its released code."""

from __future__ import annotations

import pytest

from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.presets import PRESETS, preset_values
from ilora.configuration.sections.finetuning import FinetuningSection
from ilora.configuration.validation import ConfigurationError
from ilora.datasets.register import PAPER_DATASETS


@pytest.mark.parametrize(
    ("preset", "dataset", "learning_rate"),
    [
        ("paper", "lastfm", 2e-4),
        ("paper", "movielens", 1e-4),
        ("paper", "steam", 1e-4),
        ("released", "lastfm", 7e-4),
        ("released", "movielens", 8e-4),
        ("released", "steam", 5e-4),
    ],
)
def test_learning_rates(preset: str, dataset: str, learning_rate: float) -> None:
    section = FinetuningSection.model_validate({"preset": preset})
    assert finetuning_values(section, dataset).learning_rate == learning_rate


def test_the_papers_gate_learns_at_the_adapters_rate() -> None:
    values = finetuning_values(FinetuningSection(preset="paper"), "lastfm")
    assert (values.gate, values.scale, values.gate_learning_rate) == ("linear", "per_rank", 2e-4)
    assert (values.batch_size, values.epochs, values.steps) == (128, 5.0, None)


def test_the_released_gate_learns_slower() -> None:
    values = finetuning_values(FinetuningSection(preset="released"), "steam")
    assert (values.gate, values.scale) == ("residual_convolution", "per_expert_rank")
    assert values.gate_learning_rate == pytest.approx(1.5e-4)
    assert values.projector_learning_rate == 5e-4


def test_the_released_training_is_that_of_its_scripts() -> None:
    released = finetuning_values(FinetuningSection(preset="released"), "movielens").model_dump()
    switches = {
        "learning_rate_floor": 0.01,
        "adam_beta2": 0.999,
        "l2": 1e-5,
        "maximum_gradient_norm": None,
        "projector_start": "unscaled",
        "prompt_texts": "sentences",
        "curriculum": True,
        "curriculum_counter": "epoch",
        "sequences_per_draw": 8,
        "best_epoch": True,
        "maximum_new_tokens": 64,
        "item_vectors": "raw",
    }
    assert {key: released[key] for key in switches} == switches
    paper = finetuning_values(FinetuningSection(preset="paper"), "movielens")
    own = FinetuningSection()
    assert all(getattr(paper, key) == getattr(own, key) for key in switches.keys() - {"curriculum", "item_vectors"})


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("dataset", PAPER_DATASETS)
def test_every_preset_is_valid_for_every_data_set_of_the_paper(preset: str, dataset: str) -> None:
    values = finetuning_values(FinetuningSection.model_validate({"preset": preset}), dataset)
    assert values.r % values.experts == 0


def test_an_unknown_preset_has_no_values() -> None:
    with pytest.raises(KeyError):
        preset_values("mine", 1e-4)


def test_a_data_set_that_a_preset_does_not_know_brings_its_learning_rate() -> None:
    section = FinetuningSection(preset="released", per_dataset={"books": {"learning_rate": 1e-3}})
    values = finetuning_values(section, "books")
    assert values.learning_rate == 1e-3
    assert values.gate_learning_rate == pytest.approx(3e-4)


@pytest.mark.parametrize(("values", "found"), [({}, "nothing"), ({"learning_rate": "fast"}, '"fast"')])
def test_without_a_learning_rate_of_its_own_it_is_refused(values: dict[str, str], found: str) -> None:
    section = FinetuningSection.model_validate({"preset": "paper", "per_dataset": {"books": values}})
    with pytest.raises(ConfigurationError) as caught:
        finetuning_values(section, "books")
    assert (
        f"finetuning.per_dataset.books.learning_rate: found {found}, expected a number: the preset paper has "
        "learning rates only for lastfm, movielens, steam"
    ) in str(caught.value)
