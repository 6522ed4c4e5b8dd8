"""The search for the recommenders' L2 penalty on the smoke study: its jobs, its choice, and unaffected outputs."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout, jobs_in

pytestmark = pytest.mark.timeout(1200)

SEARCH = """
methods: [popularity, sasrec]
recommenders:
  maximum_epochs: 4
  weight_decay_search: {{values: {values}, seeds: [1, 2]}}
"""
STUDY = (*SMOKE, "studies/weight_decay.yaml", "studies/search.yaml")
SASREC = "recommenders/movielens/random_users/sasrec"
CHOICE = f"{SASREC}/weight_decays.parquet"


@pytest.fixture(scope="module")
def searched(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The finished smoke study, with a SASRec chosen by a search over two values."""
    copy = Checkout.like(finished, tmp_path_factory.mktemp("searched") / "checkout")
    (copy.folder / "studies" / "search.yaml").write_text(SEARCH.format(values="[0.5, 0.0]"), encoding="utf-8")
    jobs = copy.planned_jobs(*STUDY, "--", f"results/smoke/{SASREC}/weight_decay~searched/seed~1/metrics.parquet")
    assert jobs == {
        "validate_weight_decay": 4,
        "choose_weight_decay": 1,
        "train_recommender": 1,
        "compute_metrics": 1,
    }
    process = copy.snakemake("--cores", "all", *STUDY)
    assert process.returncode == 0, process.stdout
    return copy


def test_the_paper_searches_every_recommender(papers_plan: str) -> None:
    jobs = jobs_in(papers_plan)
    expected = {"validate_weight_decay": 60, "choose_weight_decay": 12, "train_recommender": 60}
    assert {name: jobs.get(name) for name in expected} == expected


def test_the_study_of_the_search(checkout: Checkout) -> None:
    jobs = checkout.planned_jobs("--configfile", "studies/weight_decay.yaml")
    expected = {
        "validate_weight_decay": 15,
        "choose_weight_decay": 3,
        "train_recommender": 3,
        "pretrain_backbone": None,
    }
    assert {name: jobs.get(name) for name in expected} == expected
    assert "validate_weight_decay" not in checkout.planned_jobs()


def test_the_choice_is_the_best_by_validation(searched: Checkout) -> None:
    best = {}
    for value in (0.0, 0.5):
        logs = [searched.results / SASREC / f"weight_decay~{value}/seed~{seed}/training_log.parquet" for seed in (1, 2)]
        hits = [pc.max(pq.read_table(log)["validation_hit_ratio@1"]).as_py() for log in logs]
        best[value] = sum(hits) / 2
    rows = pq.read_table(searched.results / CHOICE).to_pylist()
    assert {row["weight_decay"]: row["validation_hit_ratio@1"] for row in rows} == pytest.approx(best)
    assert {row["trainings"] for row in rows} == {2}
    (chosen,) = (row["weight_decay"] for row in rows if row["is_chosen"])
    ties = [value for value in best if best[value] == max(best.values())]
    assert chosen == min(ties)
    assert [row["weight_decay"] for row in rows if row["is_best"]] == ties
    named = f"{SASREC}/weight_decay~{chosen}/seed~1/training_log.parquet"
    trained = f"{SASREC}/weight_decay~searched/seed~1/training_log.parquet"
    assert (searched.results / named).read_bytes() == (searched.results / trained).read_bytes()


def test_the_pages_tell_of_it(searched: Checkout) -> None:
    pages = searched.results / "report"
    assert "L2 of the recommenders, searched on validation" in (pages / "study.html").read_text(encoding="utf-8")
    assert "best on validation among 0.5, 0 (2 trainings" in (pages / "deviations.html").read_text(encoding="utf-8")
    assert "<td>validate_weight_decay</td><td>4</td>" in (pages / "costs.html").read_text(encoding="utf-8")


def test_another_value_is_all_that_another_study_trains(searched: Checkout) -> None:
    (searched.folder / "studies" / "more.yaml").write_text(SEARCH.format(values="[0.5, 0.1, 0.0]"), encoding="utf-8")
    study = (*SMOKE, "studies/weight_decay.yaml", "studies/more.yaml")
    assert searched.planned_jobs(*study, "--", f"results/smoke/{CHOICE}") == {
        "validate_weight_decay": 2,
        "choose_weight_decay": 1,
    }


def test_the_study_without_a_search_keeps_its_recommenders(finished: Checkout, searched: Checkout) -> None:
    before, after = finished.hashes(), searched.hashes()
    kept = [path for path in before if not path.startswith(("tables/", "figures/", "report/"))]
    assert f"{SASREC}/seed~1/model.safetensors" in kept
    assert [path for path in kept if before[path] != after[path]] == []
    jobs = searched.planned_jobs(*SMOKE)
    assert not {"train_recommender", "pretrain_backbone", "fine_tune", "score_baseline"} & set(jobs)


def test_a_wrong_value_stops_before_anything_is_planned(checkout: Checkout) -> None:
    (checkout.folder / "mine.yaml").write_text("recommenders: {weight_decay: best}\n", encoding="utf-8")
    process = checkout.snakemake("--dry-run", "--configfile", "mine.yaml")
    assert process.returncode != 0
    assert 'recommenders.weight_decay: found "best", expected a number of at least 0' in process.stdout


def test_no_test_user_is_an_input_of_the_choice(searched: Checkout) -> None:
    record = (searched.results / f"{CHOICE}.provenance.json").read_text(encoding="utf-8")
    assert "training_log.parquet" in record and "predictions" not in record


def test_a_trial_is_deleted_and_made_again(searched: Checkout) -> None:
    log = searched.results / SASREC / "weight_decay~0.5/seed~2/training_log.parquet"
    backup = Path(f"{log}.backup")
    log.rename(backup)
    jobs = searched.planned_jobs(*STUDY)
    backup.rename(log)
    assert jobs["validate_weight_decay"] == jobs["choose_weight_decay"] == 1
