"""The declared figures, tables and pages of one study: files, inputs, captions and labels."""

from __future__ import annotations

import re

import pytest

from ilora.figures.declaration import figures
from ilora.reporting.declaration import Declaration, every_file
from ilora.reporting.document import documents
from ilora.study.study import Study

EVERY: dict[str, Declaration] = {**figures(), **documents("tables"), **documents("pages")}
SWEEPS = {
    "experts": {"parameter": "experts", "values": [1, 4], "methods": ["ilora", "llara"], "by_epoch": True},
    "inputs": {"parameter": "gate_input", "values": ["sequence_representation", "shuffled"], "seeds": [1, 2]},
}


def load(**config: object) -> Study:
    of_texts = {"morec": {"encoder": "embedded"}}
    methods = ["popularity", "sasrec", "zero_shot", "llara", "ilora"]
    return Study.load({"methods": methods, "recommenders": of_texts, **config}, {})


@pytest.fixture(scope="module")
def study() -> Study:
    return load(
        methods=["popularity", "sasrec", "cofirec", "zero_shot", "llara", "ilora"],
        generative={"ablations": {"cofirec": [{"order": "random"}]}},
        figures={"gradients": True},
        negative_transfer={"degrees": [0.5]},
        feedback={"rounds": 2},
        random_splits={"number": 2},
        full_ranking={"enabled": True},
        drift={"gaps": [0, 5], "periods": 2, "methods": ["popularity", "ilora"]},
        scarcity={"shares": [10, 100], "lengths": [1, 10], "frequency_floors": [0, 5], "methods": ["ilora"]},
        sweeps=SWEEPS,
    )


def drawn(study: Study) -> set[str]:
    """Return the figures of a study, without their formats."""
    files = every_file(figures(), study)
    stems = {path.rsplit(".", 1)[0] for path in files}
    assert len(files) == 4 * len(stems)
    return {stem.removeprefix("results/figures/") for stem in stems}


def test_a_study_has_the_figures_that_its_methods_and_settings_allow(study: Study) -> None:
    of_answers = {"hit_ratio", "answer_categories", "error_breakdowns"}
    of_tuning = {"training_curves", "expert_attention"}
    of_gradients = {"clusters", "case_study", "gradient_similarity_llara", "gradient_similarity_ilora"}
    of_gradients |= {"gradient_similarity_summary", "expert_attention_all"}
    of_sweeps = {"experts", "experts_by_epoch", "inputs", "cofirec_ablations"}
    of_drift = {"gap_drift", "period_drift"}
    of_scarcity = {"scarce_users", "short_histories", "rare_items", "gates_of_short_histories"}
    names = of_answers | of_tuning | of_gradients | of_sweeps | of_drift | of_scarcity | {"random_splits"}
    assert drawn(study) == {f"movielens/{name}" for name in names} | {"negative_transfer", "feedback"}
    assert drawn(load()) == {f"movielens/{name}" for name in of_answers | of_tuning}
    assert drawn(load(methods=["popularity", "sasrec"])) == {"movielens/hit_ratio"}


def test_a_study_has_its_tables_and_pages(study: Study) -> None:
    tables, pages = every_file(documents("tables"), study), every_file(documents("pages"), study)
    assert "results/tables/sweeps.parquet" in tables
    assert "results/tables/sweeps.parquet" not in every_file(documents("tables"), load())
    assert "results/tables/id_statistics.html" in tables
    assert "results/tables/id_statistics.html" not in every_file(documents("tables"), load())
    assert {"results/tables/table1.html", "results/tables/movielens/error_analysis.tex"} <= set(tables)
    places = ("report/deviations", "report/study", "report/summary", "tables/movielens/answers")
    assert set(pages) == {f"results/{place}.html" for place in places} | {"results/report/stages.svg"}
    assert "results/tables/movielens/answers.html" not in every_file(documents("pages"), load(methods=["sasrec"]))


@pytest.mark.parametrize("name", EVERY)
def test_inputs_and_captions_are_those_of_the_wildcards(name: str, study: Study) -> None:
    declared = EVERY[name]
    assert declared.wildcards(study)
    for wildcards in declared.wildcards(study):
        inputs = declared.rule_inputs(study)(wildcards).values()
        paths = [path for paths in inputs for path in ([paths] if isinstance(paths, str) else paths)]
        caption = declared.caption(study, wildcards)
        assert paths or name in ("deviations", "stages")
        assert not [path for path in paths if "{" in path]
        assert "{" not in caption and bool(caption) == bool(declared.category)
        for wildcard in wildcards:
            assert wildcard == "sweep" or wildcards[wildcard] in caption


@pytest.mark.parametrize("name", EVERY)
def test_labels_have_no_wildcards_but_the_paths(name: str, study: Study) -> None:
    declared = EVERY[name]
    in_labels = re.findall(r"{(\w+)}", " ".join(declared.labels(study).values()))
    assert set(in_labels) == set(re.findall(r"{(\w+)}", declared.path))
    assert bool(in_labels) or "data set" not in declared.labels(study) or declared.wildcards(study) == [{}]


def test_a_sweep_with_one_seed_is_exploratory(study: Study) -> None:
    sweep = figures()["sweep"]
    captions = {name: sweep.caption(study, {"dataset": "movielens", "sweep": name}) for name in SWEEPS}
    assert "exploratory" in captions["experts"] and "run-to-run variance" in captions["experts"]
    assert "over users, with one training" in captions["experts"]
    assert "mean over 2 trainings" in captions["inputs"] and "exploratory" not in captions["inputs"]
    assert "over users and 2 trainings" in captions["inputs"]


def test_captions_say_what_intervals_cover() -> None:
    for seeds, covers in (
        ([1], "intervals over users, with the one training of each method that is trained"),
        ([1, 2, 3], "intervals over users and, where a method is trained, its 3 trainings"),
    ):
        assert covers in figures()["hit_ratio"].caption(load(seeds=seeds), {"dataset": "movielens"})


def test_seeds_are_named_as_they_were_run() -> None:
    caption = figures()["hit_ratio"].caption(load(seeds=[1, 2, 3]), {"dataset": "movielens"})
    assert "Protocol random_users, mean of the seeds 1, 2, 3;" in caption and "95 % intervals" in caption
