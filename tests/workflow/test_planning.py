"""Studies plan the expected jobs, or stop before planning with a message that says why."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from checkout import SMOKE, SNAKEMAKE, Checkout, jobs_in

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


def test_the_papers_study_on_slurm(papers_plan: str) -> None:
    jobs = jobs_in(papers_plan)
    expected = {
        "download_lastfm": 1,
        "download_steam": 1,
        "download_model": 2,  # the backbone, and the encoder of titles
        "prepare_interactions": 3,
        "score_baseline": 6,
        "train_recommender": 60,
        "encode_titles": 3,
        "fine_tune": 45,
        "fine_tune_gated": 225,
        "fine_tune_text_only": 15,
        "answer_fine_tuned": 285,
        "answer_zero_shot": 3,
        "measure_sweep": 21,
    }
    assert {name: jobs.get(name) for name in expected} == expected
    assert "pretrain_backbone" not in jobs


def test_two_data_sets_on_the_embedded_backbone(checkout: Checkout) -> None:
    study = ("--configfile", "studies/embedded_two_datasets.yaml")
    jobs = checkout.planned_jobs(*study)
    expected = {
        "download_lastfm": 1,
        "prepare_interactions": 2,
        "pretrain_backbone": 2,
        "fine_tune_gated": 2,
        "make_table1": 1,
    }
    assert {name: jobs.get(name) for name in expected} == expected
    (checkout.folder / "lastfm").mkdir()
    jobs = checkout.planned_jobs(*study, "--config", "data={sources: {lastfm: lastfm}}")
    assert jobs["prepare_interactions"] == 2 and "download_lastfm" not in jobs


CHAT = (*SMOKE, "--config", "methods=[popularity,sasrec,gpt4,chatrec,ilora]")


def test_the_chat_methods_are_run_where_there_is_a_key(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY", raising=False)
    without = checkout.planned_jobs(*CHAT)
    monkeypatch.setenv("CHAT_API_KEY", "sk-NeverToBeSeen")
    with_key = checkout.planned_jobs(*CHAT)
    more = {name: count - without.get(name, 0) for name, count in with_key.items() if count != without.get(name, 0)}
    assert more == {"ask_chat_model": 1, "ask_chat_model_ranked": 1, "compute_metrics": 2, "analyse_errors": 2}
    plan = checkout.snakemake(*PLAN, "--printshellcmds", "--verbose", *CHAT).stdout
    assert "rule ask_chat_model" in plan and "gpu" not in plan.split("rule ask_chat_model")[1].split("rule ")[0]
    assert "NeverToBeSeen" not in plan
    files = [path for path in checkout.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if b"NeverToBeSeen" in path.read_bytes()]


def test_a_chat_server_of_ones_own_needs_no_key(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY", raising=False)
    jobs = checkout.planned_jobs("--configfile", "studies/local_chat.yaml")
    expected = {"ask_chat_model": 1, "ask_chat_model_ranked": 1, "train_recommender": 1, "pretrain_backbone": None}
    assert {name: jobs.get(name) for name in expected} == expected


def test_a_study_of_chat_methods_alone_says_what_it_lacks(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY", raising=False)
    process = checkout.snakemake(*PLAN, "--config", "methods=[gpt4]")
    assert process.returncode != 0
    assert "none of these can run: the environment variable CHAT_API_KEY contains no key" in process.stdout


def test_a_pretrained_model_takes_a_package(checkout: Checkout) -> None:
    study = ("--configfile", "studies/pretrained.yaml", "--config", "backbone={name: small.gguf}")
    (checkout.folder / "small.gguf").touch()
    process = checkout.snakemake(*PLAN, *study)
    assert process.returncode != 0
    assert "recommenders.morec.encoder: found all-minilm-l6-v2, expected an installed model" in process.stdout
    jobs = checkout.planned_jobs(
        *study, "recommenders={morec: {encoder: embedded}}", "data={sources: {lastfm: lastfm}}"
    )
    expected = {"convert_gguf": 1, "plan_fine_tuning": 6, "fine_tune_gated": 8, "download_model": None}
    assert {name: jobs.get(name) for name in expected} == expected


def test_models_can_be_downloaded_ahead(checkout: Checkout) -> None:
    assert checkout.planned_jobs("--profile", "slurm", "--", "download_models") == {
        "download_model": 2,  # the backbone, and the encoder of titles
        "download_models": 1,
    }
    assert checkout.planned_jobs("--", "download_models") == {"download_models": 1}


@pytest.mark.parametrize(
    ("study", "offline"),
    [("config.yaml", "1"), ("studies/paper.yaml", "None")],
)
def test_the_hub_can_be_reached_where_a_study_names_a_model_of_it(checkout: Checkout, study: str, offline: str) -> None:
    asked = checkout.folder / "asked.smk"
    asked.write_text('include: "Snakefile"\nprint("offline:", os.environ.get("HF_HUB_OFFLINE"))\n', encoding="utf-8")
    command = [*SNAKEMAKE, "--snakefile", "asked.smk", "--list-rules", "--configfile", study]
    environment = {name: value for name, value in checkout.environment.items() if name != "HF_HUB_OFFLINE"}
    process = subprocess.run(command, cwd=checkout.folder, env=environment, capture_output=True, text=True, check=True)
    assert f"offline: {offline}" in process.stdout


def test_the_profile_works_from_another_folder(checkout: Checkout, tmp_path: Path) -> None:
    """It runs the study of its own checkout."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    workflow = ("--snakefile", str(checkout.folder / "Snakefile"), "--profile", str(checkout.folder / "slurm"))
    process = subprocess.run(
        [*SNAKEMAKE, *PLAN, "--quiet", "rules", *workflow, "--", "download_models"],
        cwd=elsewhere,
        env=checkout.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    assert re.search(r"^download_model +2$", process.stdout, re.MULTILINE), "not the paper's study"


def test_nothing_is_downloaded_by_default(checkout: Checkout) -> None:
    assert not [name for name in checkout.planned_jobs() if name.startswith("download")]


def test_gpus_are_asked_for_by_large_backbones(papers_plan: str) -> None:
    assert_gpus_asked_for(papers_plan, {"1"})


def test_gpus_are_not_asked_for_by_small_backbones(checkout: Checkout) -> None:
    assert_gpus_asked_for(checkout.snakemake(*PLAN, "--until", "answer_fine_tuned").stdout, {"0"})


def assert_gpus_asked_for(plan: str, gpus: set[str]) -> None:
    """Every rule that runs the language model requests this number, and no other rule requests any."""
    blocks = re.split(r"^\[.+\]$", plan, flags=re.MULTILINE)
    asked = {
        rule: set(re.findall(r"\bgpu=(\d+)", block))
        for block in blocks
        for rule in re.findall(r"^ *rule (\w+):", block, re.MULTILINE)
    }
    assert asked["fine_tune"] == asked["fine_tune_gated"] == asked["answer_fine_tuned"] == gpus
    assert asked["train_recommender"] == asked["prepare_interactions"] == set()


@pytest.mark.parametrize(
    ("backbone", "asked"),
    [
        ("{gpus: 2}", {"gpu": "2", "nodes": "1", "tasks_per_gpu": "0"}),
        # The sum of all nodes' GPUs could be spread unevenly.
        ("{gpus: 2, nodes: 2}", {"gres": "gpu:2", "nodes": "2", "tasks": "4", "tasks_per_gpu": "0", "mpi": "srun"}),
    ],
)
def test_gpus_of_several_processes_are_where_the_processes_are(
    checkout: Checkout, backbone: str, asked: dict[str, str]
) -> None:
    (checkout.folder / "studies" / "several.yaml").write_text(f"backbone: {backbone}\n", encoding="utf-8")
    study = ("--configfile", "studies/paper.yaml", "studies/several.yaml")
    plan = checkout.snakemake("--dry-run", "--cores", "8", *study, "--", "make_table1").stdout
    resources = {
        rule: dict(pair.split("=", 1) for pair in text.split(", "))
        for rule, text in re.findall(
            r"^rule (\w+):\n(?:    (?!resources).*\n)+    resources: (.+)$", plan, re.MULTILINE
        )
    }
    names = ("gpu", "gres", "nodes", "tasks", "tasks_per_gpu", "mpi")
    for rule in ("fine_tune", "fine_tune_gated", "fine_tune_text_only"):
        assert {name: resources[rule][name] for name in names if name in resources[rule]} == asked
    assert resources["answer_fine_tuned"]["gpu"] == "1"


SWEEPS = """
sweeps:
  experts: {parameter: experts, values: [1, 2, 4], methods: [ilora, llara], by_epoch: true}
  guidance: {parameter: gate_input, values: [sequence_representation, shuffled]}
  guides: {parameter: sequence_encoder, values: [sasrec, gru4rec]}
  shorter: {parameter: experts, values: [2, 4], settings: {steps: 4}}
"""


SWEPT = (*SMOKE, "sweeps.yaml", "--rerun-triggers", "mtime")


@pytest.fixture(scope="module")
def swept(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy in which every file of the smoke study with sweeps exists, empty and with the same time."""
    checkout = Checkout(repository, tmp_path_factory.mktemp("swept") / "checkout")
    (checkout.folder / "sweeps.yaml").write_text(SWEEPS, encoding="utf-8")
    table = checkout.snakemake("--summary", *SWEPT).stdout
    files = [line.split("\t")[0] for line in table.splitlines() if line.startswith("results/")]
    assert len(files) > 100
    for name in files:
        path = checkout.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True) if path.name == "snapshots" else path.touch()
    now = time.time()
    for name in files:
        os.utime(checkout.folder / name, (now, now))
    assert checkout.planned_jobs(*SWEPT) == {}
    return checkout


def test_sweeps_share_what_they_can(checkout: Checkout) -> None:
    (checkout.folder / "sweeps.yaml").write_text(SWEEPS, encoding="utf-8")
    jobs = checkout.planned_jobs(*SWEPT)
    expected = {
        "fine_tune": 1,
        "fine_tune_gated": 7,  # default, two numbers of experts, shuffled, GRU4Rec, and the two shorter ones
        "fine_tune_text_only": 1,
        "answer_fine_tuned": 9,
        "answer_snapshot": 4,
        "train_recommender": 3,
        "measure_sweep": 4,
        "measure_sweep_curves": 1,
        "make_sweeps": 1,
        "draw_sweep": 4,
        "draw_sweep_by_epoch": 1,
        "compute_metrics": 7,
    }
    assert {name: jobs.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("artifact", "jobs"),
    [
        (
            "finetune/movielens/random_users/embedded/ilora/gate_input~shuffled/seed~1/adapter/adapter_model.safetensors",
            {"fine_tune_gated": 1, "answer_fine_tuned": 1, "measure_sweep": 1, "make_sweeps": 1, "draw_sweep": 1},
        ),
        (
            "llm/movielens/random_users/embedded/ilora/experts~2_steps~4/seed~1/predictions.parquet",
            {"answer_fine_tuned": 1, "measure_sweep": 1, "make_sweeps": 1, "draw_sweep": 1},
        ),
        ("figures/movielens/experts.pdf", {"draw_sweep": 1}),
        ("figures/movielens/experts_by_epoch.svg", {"draw_sweep_by_epoch": 1}),
    ],
)
def test_a_deleted_cell_is_made_again_and_no_other(swept: Checkout, artifact: str, jobs: dict[str, int]) -> None:
    path = swept.results / artifact
    made = path.stat().st_mtime
    path.unlink()
    planned = swept.planned_jobs(*SWEPT)
    path.touch()
    os.utime(path, (made, made))
    # The pages of the report are remade whenever anything changes.
    assert {name: count for name, count in planned.items() if name not in ("write_study", "collect_costs")} == jobs


def test_a_second_name_of_a_run_is_refused(checkout: Checkout) -> None:
    target = "results/llm/movielens/random_users/embedded/ilora/experts~4/seed~1/predictions.parquet"
    process = checkout.snakemake(*PLAN, "--", target)
    assert process.returncode != 0
    assert "variant: found experts~4, expected default: that is the name of ilora on movielens" in process.stdout


def test_a_sweep_with_a_value_that_does_not_fit_stops_before_anything_is_planned(checkout: Checkout) -> None:
    sweep = "sweeps: {experts: {parameter: experts, values: [4, 16]}}\n"
    (checkout.folder / "mine.yaml").write_text(sweep, encoding="utf-8")
    process = checkout.snakemake(*PLAN, "--configfile", "mine.yaml")
    assert process.returncode != 0
    assert "sweeps.experts.values[1]: found 16, which makes finetuning.r 8 on movielens" in process.stdout


def test_a_wrong_configuration_stops_before_anything_is_planned(checkout: Checkout) -> None:
    (checkout.folder / "mine.yaml").write_text("finetuning: {r: 6, gates: linear}\nseeds: [one]\n", encoding="utf-8")
    process = checkout.snakemake(*PLAN, "--configfile", "mine.yaml")
    assert process.returncode != 0
    assert 'seeds[0]: found "one", expected a whole number' in process.stdout
    assert "finetuning.gates: found an unknown key, expected one of r, " in process.stdout
    assert "Building DAG" not in process.stdout and "Traceback" not in process.stdout


def test_raw_files_that_are_missing_are_named(checkout: Checkout) -> None:
    (checkout.folder / "mine.yaml").write_text("data: {sources: {movielens: raw/ml-100k}}\n", encoding="utf-8")
    assert checkout.snakemake(*PLAN, "--configfile", "mine.yaml").returncode == 0
    target = "results/data/movielens/random_users/interactions.parquet"
    process = checkout.snakemake("--cores", "1", "--configfile", "mine.yaml", "--", target)
    assert process.returncode != 0
    assert "The folder raw/ml-100k, named as the source of 'movielens', does not exist" in process.stdout


def test_a_raw_file_that_is_edited_in_place_is_read_again(checkout: Checkout) -> None:
    target = "results/smoke/data/movielens/random_users/interactions.parquet"
    assert checkout.snakemake("--cores", "1", *SMOKE, "--", target).returncode == 0
    assert checkout.planned_jobs(*SMOKE, "--", target) == {}
    with (checkout.folder / "tests" / "workflow" / "small_movielens" / "u.data").open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(b"2" if first == b"1" else b"1")
    assert checkout.planned_jobs(*SMOKE, "--", target) == {"prepare_interactions": 1}


def test_the_linter_finds_nothing(checkout: Checkout) -> None:
    process = checkout.snakemake("--lint")
    assert process.returncode == 0, process.stdout
