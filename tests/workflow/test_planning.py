"""Studies plan as they should, or stop before anything is planned with a message that says why."""

from __future__ import annotations

import re

import pytest

from checkout import Checkout

PLAN = ("--dry-run", "--cores", "8")


def test_the_default_study(checkout: Checkout) -> None:
    jobs = checkout.planned_jobs()
    expected = {
        "prepare_interactions": 1,
        "draw_candidates": 1,
        "score_baseline": 2,
        "train_recommender": 3,
        "pretrain_backbone": 1,
        "fine_tune": 1,
        "fine_tune_gated": 1,
        "answer_fine_tuned": 2,
        "answer_zero_shot": 1,
        "compute_gates": 1,
    }
    assert {name: jobs.get(name) for name in expected} == expected


def test_the_papers_study_on_slurm(checkout: Checkout) -> None:
    jobs = checkout.planned_jobs("--profile", "slurm")
    expected = {
        "prepare_interactions": 3,
        "score_baseline": 6,
        "train_recommender": 45,
        "fine_tune": 15,
        "fine_tune_gated": 15,
        "answer_fine_tuned": 30,
        "answer_zero_shot": 3,
    }
    assert {name: jobs.get(name) for name in expected} == expected
    assert "pretrain_backbone" not in jobs


@pytest.mark.parametrize(("arguments", "gpus"), [((), "0"), (("--profile", "slurm"), "1")])
def test_gpus_are_asked_for_by_large_backbones_only(checkout: Checkout, arguments: tuple[str, ...], gpus: str) -> None:
    plan = checkout.snakemake(*PLAN, *arguments, "--until", "answer_fine_tuned").stdout
    blocks = re.split(r"^\[.+\]$", plan, flags=re.MULTILINE)
    asked = {
        rule: set(re.findall(r"\bgpu=(\d+)", block))
        for block in blocks
        for rule in re.findall(r"^ *rule (\w+):", block, re.MULTILINE)
    }
    assert asked["fine_tune"] == asked["fine_tune_gated"] == asked["answer_fine_tuned"] == {gpus}
    assert asked["train_recommender"] == asked["prepare_interactions"] == set()


def test_a_wrong_configuration_stops_before_anything_is_planned(checkout: Checkout) -> None:
    (checkout.folder / "mine.yaml").write_text("finetuning: {rank: 6, gates: linear}\nseeds: [one]\n", encoding="utf-8")
    process = checkout.snakemake(*PLAN, "--configfile", "mine.yaml")
    assert process.returncode != 0
    assert 'seeds[0]: found "one", expected a whole number' in process.stdout
    assert "finetuning.gates: found an unknown key, expected one of rank, " in process.stdout
    assert "Building DAG" not in process.stdout and "Traceback" not in process.stdout


def test_raw_files_that_are_missing_are_named(checkout: Checkout) -> None:
    (checkout.folder / "mine.yaml").write_text("data: {sources: {movielens: raw/ml-100k}}\n", encoding="utf-8")
    assert checkout.snakemake(*PLAN, "--configfile", "mine.yaml").returncode == 0
    target = "results/data/movielens/published/interactions.parquet"
    process = checkout.snakemake("--cores", "1", "--configfile", "mine.yaml", "--", target)
    assert process.returncode != 0
    assert "raw/ml-100k" in process.stdout


def test_the_linter_finds_nothing(checkout: Checkout) -> None:
    process = checkout.snakemake("--lint")
    assert process.returncode == 0, process.stdout
