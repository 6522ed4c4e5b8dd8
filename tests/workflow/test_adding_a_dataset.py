"""A data set added by the steps of docs/adding_a_dataset.md alone appears in a study's tables."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout
from page import follow
from small_library import write_library

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "adding_a_dataset.md").read_text(encoding="utf-8")


def test_a_data_set_from_its_declaration_to_metrics(page: str, checkout: Checkout) -> None:
    study = follow(page, "Steps", checkout.folder)
    write_library(checkout.folder / "raw" / "library")
    (checkout.folder / "popularity.yaml").write_text("methods: [popularity]\n", encoding="utf-8")
    metrics, sizes = "results/smoke/tables/metrics.parquet", "results/smoke/tables/dataset_statistics.md"
    random_users, chronological = (
        f"results/smoke/data/library/{protocol}/candidates.parquet" for protocol in ("random_users", "chronological")
    )
    configuration = (*SMOKE, study, "popularity.yaml")
    process = checkout.snakemake("--cores", "2", *configuration, "--", metrics, sizes, chronological)
    assert process.returncode == 0, process.stdout
    assert set(pq.read_table(checkout.folder / metrics)["dataset"].to_pylist()) == {"library"}
    # Of 59 readers with enough loans, 12 are for validation and test; each sequence has two draws.
    assert pq.read_table(checkout.folder / random_users).num_rows == 2 * 12
    assert pq.read_table(checkout.folder / chronological).num_rows == 2 * 2 * 59
    text = (checkout.folder / sizes).read_text(encoding="utf-8")
    assert "| Library" in text and "Library: Loans of Riverside Library, https://library.example/loans. For" in text


def test_its_download_is_planned(page: str, checkout: Checkout) -> None:
    follow(page, "Steps", checkout.folder)
    settings = ("--config", "datasets=[library]", "methods=[zero_shot]")
    assert checkout.planned_jobs(*SMOKE, *settings)["download_library"] == 1


def test_the_readme_leads_to_the_page(repository: Path) -> None:
    assert "(docs/adding_a_dataset.md)" in (repository / "README.md").read_text(encoding="utf-8")
