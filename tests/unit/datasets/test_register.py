"""The register has complete entries for all built-in data sets, and refuses other names."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from ilora.code_version import imported_modules
from ilora.configuration.loading import load_study
from ilora.configuration.own_datasets import own_dataset
from ilora.configuration.presets import PRESETS
from ilora.configuration.sections.data import DataSection
from ilora.configuration.sections.own_data import OwnDataset, OwnWords
from ilora.configuration.validation import ConfigurationError
from ilora.data.recipes import FilterSettings
from ilora.datasets.loading import load_dataset, module_of
from ilora.datasets.register import DATASETS, PAPER_DATASETS, built_in_dataset
from ilora.datasets.wording import PromptWording
from ilora.deviations.recommenders import PAPER_METHODS
from ilora.methods.register import LABELS

BOOKS = OwnDataset(
    interactions="ratings.csv", items="books.csv", words=OwnWords(items="books", participle="read", verb="read")
)


def test_a_declaration_is_in_the_module_of_its_name() -> None:
    assert {name: load_dataset(name) for name in DATASETS} == DATASETS
    assert len({dataset.label for dataset in DATASETS.values()}) == len(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_a_declaration_fits_the_configuration(name: str) -> None:
    dataset = DATASETS[name]
    assert {*dataset.options} <= {field.name for field in fields(FilterSettings)} & {*DataSection.model_fields}
    assert DataSection().sources[name] == dataset.default_source
    assert all(sentence.endswith("\n") for sentence in vars(dataset.wording).values())
    values = DataSection().model_dump()
    assert all(departure.here.format_map(values) for departure in dataset.published.departures)


@pytest.mark.parametrize("name", PAPER_DATASETS)
def test_what_the_paper_has_is_complete(name: str) -> None:
    published = DATASETS[name].published
    assert {*published.table1} == {*PAPER_METHODS} <= {*LABELS}
    assert [method for method, row in published.table1.items() if row.improvement is None] == ["ilora"]
    assert {*published.learning_rates} == {*PRESETS}
    assert published.four_experts_over_two is not None and published.statistics


def test_the_papers_order() -> None:
    assert PAPER_DATASETS == ("lastfm", "movielens", "steam")


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    known = "no built-in data set 'books'. Available: movielens, lastfm, steam"
    with pytest.raises(ValueError, match=known):
        built_in_dataset("books")
    with pytest.raises(ValueError, match=known):
        DataSection().dataset("books")


@pytest.mark.parametrize("name", ["books", "register"])
def test_a_module_that_declares_no_data_set_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"ilora.datasets.{name}: found no data set '{name}'"):
        load_dataset(name)


def test_what_is_fetched_says_from_where() -> None:
    with pytest.raises(
        ValueError, match="steam: the default source is download, but found no `source`, expected a DatasetSource"
    ):
        replace(DATASETS["steam"], source=None)


def test_a_study_cannot_fetch_what_nobody_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "movielens", replace(DATASETS["movielens"], source=None))
    with pytest.raises(ConfigurationError, match="data.sources.movielens: found download, expected a folder"):
        load_study({"data": {"sources": {"movielens": "download"}}})


def test_a_data_set_of_ones_own_is_the_same_kind_of_thing() -> None:
    section = DataSection(own={"books": BOOKS})
    books = section.dataset("books")
    assert (books.name, books.label, books.default_source) == ("books", "books", "ratings.csv")
    assert books.wording == PromptWording(
        history="The user has read these books, in this order:\n",
        candidates="Candidates:\n",
        question="Which candidate does the user read next?\n",
        open_question="Which of all books does the user read next?\n",
    )
    assert books.source is None and not books.options and not books.published.table1
    assert section.dataset("steam") is DATASETS["steam"]


def test_filters_of_ones_own_are_those_of_its_section() -> None:
    def steps(own: OwnDataset) -> list[str]:
        return [step.name for step in own_dataset("books", own).recipe.filters(FilterSettings(minimum_rating=3.0))]

    assert steps(BOOKS) == ["distinct pairs"]
    strict = BOOKS.model_copy(update={"minimum_rating": 4.0, "minimum_items_per_user": 2})
    assert steps(strict) == ["rating >= 4", "distinct pairs", "core of >= 1 users an item, >= 2 items a user"]


@pytest.mark.parametrize(
    "script",
    [
        *("prepare_interactions", "make_sequences", "draw_candidates", "train_recommender", "train_with_encoder"),
        *("encode_titles", "pretrain_backbone", "plan_fine_tuning", "fine_tune", "answer_fine_tuned"),
        *("answer_zero_shot", "ask_chat_model", "score_baseline", "compute_gates", "cluster_sequences"),
        *("compute_gradients", "compute_metrics"),
    ],
)
def test_editing_one_data_set_prepares_and_trains_nothing_of_another(repository: Path, script: str) -> None:
    scripts = repository / "workflow_scripts"
    used = imported_modules(scripts / f"{script}.py", scripts)
    assert not used.keys() & {"ilora.datasets.register", *map(module_of, DATASETS)}


def test_a_data_set_is_prepared_by_its_own_module_alone(repository: Path) -> None:
    scripts = repository / "workflow_scripts"
    used = imported_modules(scripts / "prepare_interactions.py", scripts, [module_of("steam")])
    assert used.keys() & {module_of(name) for name in DATASETS} == {"ilora.datasets.steam"}
