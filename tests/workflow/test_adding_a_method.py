"""Methods are added by the steps of docs/adding_a_method.md alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout
from page import follow

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "adding_a_method.md").read_text(encoding="utf-8")


def test_a_baseline_from_its_declaration_to_metrics(page: str, checkout: Checkout) -> None:
    study = follow(page, "A baseline that scores candidates", checkout.folder)
    metrics = "results/smoke/tables/metrics.parquet"
    process = checkout.snakemake("--cores", "2", *SMOKE, study, "--", metrics)
    assert process.returncode == 0, process.stdout
    table = pq.read_table(checkout.folder / metrics).to_pandas()
    assert list(table["method"].unique()) == ["popularity", "cooccurrence"]
    counted = table[(table["method"] == "cooccurrence") & (table["metric"] == "hit_ratio@1")]
    assert set(counted["split"]) >= {"val", "test"} and counted["value"].between(0, 1).all()


def test_a_method_of_the_language_model_is_planned_from_its_declaration(page: str, checkout: Checkout) -> None:
    study = follow(page, "A language-model method", checkout.folder)
    (checkout.folder / "alone.yaml").write_text("methods: [text_lora]\n", encoding="utf-8")
    both, alone = checkout.planned_jobs(*SMOKE, study), checkout.planned_jobs(*SMOKE, study, "alone.yaml")
    expected = {"fine_tune": 1, "fine_tune_text_only": 1, "answer_fine_tuned": 2, "train_recommender": 1}
    assert {name: both.get(name) for name in expected} == expected
    without = {"fine_tune": None, "fine_tune_text_only": 1, "answer_fine_tuned": 1, "train_recommender": None}
    assert {name: alone.get(name) for name in without} == without


def test_the_readme_leads_to_the_page(repository: Path) -> None:
    assert "(docs/adding_a_method.md)" in (repository / "README.md").read_text(encoding="utf-8")
