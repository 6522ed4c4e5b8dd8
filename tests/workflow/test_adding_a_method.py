"""Methods are added by the steps of docs/adding_a_method.md alone, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(300)

BLOCK = re.compile(r"^```(python|diff|yaml)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITE_SCHEMA = "PYTHONPATH=workflow_scripts python -m ilora.configuration.schema --write\n"


def follow(page: str, heading: str, checkout: Checkout) -> str:
    """Do in a checkout what one section of the page says, up to running the study; return the study's file."""
    (section,) = [part for part in page.split("\n## ")[1:] if part.startswith(heading)]
    written, study = False, ""
    for kind, content in BLOCK.findall(section):
        if kind == "diff":
            edit(checkout.folder, content)
        elif kind:
            study = write(checkout.folder, content)
        elif content == WRITE_SCHEMA:
            environment = {**checkout.environment, "PYTHONPATH": "workflow_scripts"}
            command = [sys.executable, *content.split()[2:]]
            subprocess.run(command, cwd=checkout.folder, env=environment, check=True)
            written = True
        else:
            assert content == f"snakemake --cores 2 --configfile {study}\n"
    assert written and study.startswith("studies/")
    return study


def edit(folder: Path, block: str) -> None:
    """Replace the lines marked with - by those marked with +, in the file named in the first line."""
    name, *lines = block.splitlines()
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] == mark) for mark in "-+")
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has these lines {text.count(old)} times:\n{old}"
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def write(folder: Path, block: str) -> str:
    """Write a file that the page shows whole; its first line, a comment, names it."""
    first, content = block.split("\n", 1)
    name = first.removeprefix("# ")
    assert not (folder / name).exists()
    (folder / name).write_text(content, encoding="utf-8")
    return name


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "adding_a_method.md").read_text(encoding="utf-8")


def test_a_baseline_from_its_declaration_to_metrics(page: str, checkout: Checkout) -> None:
    study = follow(page, "A baseline that scores candidates", checkout)
    metrics = "results/smoke/tables/metrics.parquet"
    process = checkout.snakemake("--cores", "2", *SMOKE, study, "--", metrics)
    assert process.returncode == 0, process.stdout
    table = pq.read_table(checkout.folder / metrics).to_pandas()
    assert list(table["method"].unique()) == ["popularity", "cooccurrence"]
    counted = table[(table["method"] == "cooccurrence") & (table["metric"] == "hit_ratio@1")]
    assert set(counted["split"]) >= {"val", "test"} and counted["value"].between(0, 1).all()


def test_a_method_of_the_language_model_is_planned_from_its_declaration(page: str, checkout: Checkout) -> None:
    study = follow(page, "A method of the language model", checkout)
    (checkout.folder / "alone.yaml").write_text("methods: [text_lora]\n", encoding="utf-8")
    both, alone = checkout.planned_jobs(*SMOKE, study), checkout.planned_jobs(*SMOKE, study, "alone.yaml")
    expected = {"fine_tune": 1, "fine_tune_text_only": 1, "answer_fine_tuned": 2, "train_recommender": 1}
    assert {name: both.get(name) for name in expected} == expected
    without = {"fine_tune": None, "fine_tune_text_only": 1, "answer_fine_tuned": 1, "train_recommender": None}
    assert {name: alone.get(name) for name in without} == without


def test_the_readme_leads_to_the_page(repository: Path) -> None:
    assert "(docs/adding_a_method.md)" in (repository / "README.md").read_text(encoding="utf-8")
