"""Requests of the paper's jobs to Slurm: GPUs, memory, time and CPUs, attempt by attempt."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from checkout import Checkout
from made_once import plan_of_the_paper
from one_node_slurm import OneNodeSlurm
from slurm_checkout import SlurmCheckout

pytestmark = pytest.mark.timeout(900)

GPU_RULES = {
    "fine_tune",
    "fine_tune_gated",
    "fine_tune_text_only",
    "answer_fine_tuned",
    "answer_snapshot",
    "answer_zero_shot",
    "compute_gradients",
}
PAPER = ("--cores", "8", "--profile", "slurm")
# One job of each of these rules, which do not depend on each other.
RUN = "movielens/random_users/meta-llama--Llama-2-7b-hf"
SUBMITTED = {
    "fine_tune": f"finetune/{RUN}/llara/default/seed~1/training_log.parquet",
    "answer_fine_tuned": f"llm/{RUN}/ilora/default/seed~2/predictions.parquet",
    "compute_gradients": f"analysis/{RUN}/ilora/default/seed~3/gradients/step~250.parquet",
    "train_recommender": "recommenders/steam/random_users/gru4rec/weight_decay~searched/seed~4/training_log.parquet",
    "score_baseline": "baselines/steam/random_users/popularity/predictions.parquet",
}
# Records each request and refuses it, so that there is another attempt.
SBATCH = """#!{python}
import json, sys
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit("refused")
"""


@pytest.fixture(scope="module")
def plan(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dry run of the whole study."""
    return plan_of_the_paper(repository, tmp_path_factory)


def blocks(plan: str) -> list[tuple[str, str]]:
    """Return the rule and description of each planned job."""
    found = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", plan, re.MULTILINE)
    return [(name, text) for name, text in found if name != "all"]


def local_rules(repository: Path) -> list[str]:
    """Return a pattern for each rule that is declared to run locally, which a dry run does not show."""
    patterns = []
    for path in (repository / "rules").glob("*.smk"):
        for block in re.split(r"^ *(?=rule\b)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            if "localrule: True" in block:
                name = re.match(r"rule (\w+):", block) or re.search(r'name:\s+f"([^"]+)"', block)
                assert name is not None
                patterns.append(re.sub(r"\{[^}]+\}", r"\\w+", name[1]))
    return patterns


def test_gpus_are_asked_for_by_every_job_that_needs_one_and_by_no_other(plan: str) -> None:
    asked = {name: set(re.findall(r"\bgpu=(\d+)", text)) for name, text in blocks(plan)}
    assert {name for name, gpus in asked.items() if gpus == {"1"}} == GPU_RULES
    assert all(not gpus for name, gpus in asked.items() if name not in GPU_RULES)


def test_the_profile_names_the_rules_that_ask_for_gpus(repository: Path) -> None:
    profile = (repository / "slurm" / "config.yaml").read_text(encoding="utf-8")
    # The paper's study freezes MoRec's encoder and has no full ranking; these would request a GPU too.
    of_others = {"train_with_encoder", "rank_by_fine_tuned", "rank_zero_shot"}
    assert set(re.findall(r"^#  (\w+): [&*]gpu_job", profile, re.MULTILINE)) == GPU_RULES | of_others


def test_what_takes_a_second_is_no_job_for_slurm(plan: str, repository: Path) -> None:
    jobs = Counter(name for name, _ in blocks(plan))
    found = {pattern: {name for name in jobs if re.fullmatch(pattern, name)} for pattern in local_rules(repository)}
    # Without a key, no chat model is queried; the paper's study has no packaged model, and is none of the other studies
    # that these rules are for.
    absent = {"ask_chat_model", "take_packaged_model", "collect_random_splits", "measure_gaps", "measure_periods"}
    absent |= {"plan_full_ranking", "summarise_feedback"}
    absent |= {"measure_shares", "measure_histories", "measure_items", "measure_gates"}
    assert {pattern for pattern, names in found.items() if not names} == absent
    local = set[str]().union(*found.values())
    beside = sum(count for name, count in jobs.items() if name in local)
    print(f"{jobs.total() - beside} jobs on Slurm, {beside} beside Snakemake")
    assert all(name in local for name in jobs if re.match("draw_|make_[^s]|write_|describe_|compute_metrics", name))
    assert not local & (GPU_RULES | {"train_recommender", "prepare_interactions", "measure_sweep"})


def submissions(slurm: OneNodeSlurm, checkout: Checkout, folder: Path) -> dict[str, list[str]]:
    """Submit one job of each rule to an sbatch that refuses it; return the calls by rule, in the order of attempts."""
    record = folder / "calls.jsonl"
    sbatch = folder / "bin" / "sbatch"
    sbatch.parent.mkdir(parents=True)
    sbatch.write_text(SBATCH.format(python=sys.executable, record=str(record)), encoding="utf-8")
    sbatch.chmod(0o755)
    table = checkout.snakemake("--summary", *PAPER).stdout
    files = [line.split("\t")[0] for line in table.splitlines() if line.startswith("results/")]
    for name in files:
        file = checkout.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.mkdir(exist_ok=True) if file.name == "snapshots" else file.touch()
    now = time.time()
    for name in files:
        os.utime(checkout.folder / name, (now, now))
    targets = [f"results/{target}" for target in SUBMITTED.values()]
    for target in targets:
        (checkout.folder / target).unlink()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
        patch.setenv("PATH", f"{sbatch.parent}:{slurm.environment['PATH']}")
        process = checkout.snakemake(*PAPER, "--rerun-triggers", "mtime", "--", *targets)
    assert process.returncode != 0 and "SLURM sbatch failed" in process.stdout, process.stdout
    calls = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    of_rule: dict[str, list[str]] = {}
    for call in calls:
        comment = call[call.index("--comment") + 1]
        rule = comment.removeprefix("rule_").partition("_wildcards_")[0]
        of_rule.setdefault(rule, []).append(" ".join(part for part in call if not part.startswith("--wrap")))
    return of_rule


def name_gpus(profile: Path) -> None:
    """Uncomment the profile's lines about GPUs."""
    text = profile.read_text(encoding="utf-8")
    named = re.sub(r"^#(set-resources:|  \w+: [&*]gpu_job)", r"\1", text, flags=re.MULTILINE)
    assert named != text
    profile.write_text(named, encoding="utf-8")


def asked(call: str, pattern: str) -> str | None:
    """Return the resources requested by a call of sbatch."""
    found = re.search(rf"(?:^|\s){pattern}(?:\s|$)", call)
    return found and found[1]


def test_memory_and_time_grow_with_the_attempts(slurm: OneNodeSlurm, repository: Path, tmp_path: Path) -> None:
    checkout = Checkout(repository, tmp_path / "checkout")
    name_gpus(checkout.folder / "slurm" / "config.yaml")
    calls = submissions(slurm, checkout, tmp_path)
    found = {
        rule: [
            (
                asked(call, r"--gpus=(\S+)"),
                asked(call, r"--mem (\d+)"),
                asked(call, r"-t (\d+)"),
                asked(call, r"--cpus-per-task=(\d+)"),
            )
            for call in attempts
        ]
        for rule, attempts in calls.items()
    }
    print(json.dumps(found, indent=1))
    # `resources` in config.yaml limits the growth to a day and 128 GB.
    assert found == {
        # It resumes where it was stopped, and so has 20 more attempts.
        "fine_tune": [("a100:1", "64000", "1440", "4"), *20 * [("a100:1", "128000", "1440", "4")]],
        "answer_fine_tuned": [
            ("a100:1", "64000", "480", "4"),
            ("a100:1", "128000", "960", "4"),
            ("a100:1", "128000", "1440", "4"),
        ],
        "compute_gradients": [
            ("a100:1", "64000", "480", "4"),
            ("a100:1", "128000", "960", "4"),
            ("a100:1", "128000", "1440", "4"),
        ],
        "train_recommender": [(None, "2000", "30", "1"), (None, "4000", "60", "1"), (None, "6000", "90", "1")],
        "score_baseline": [(None, "2000", "10", "1"), (None, "4000", "20", "1"), (None, "6000", "30", "1")],
    }
    where = {rule: {(asked(call, r"-p (\S+)"), asked(call, r"-C (\S+)")) for call in calls[rule]} for rule in calls}
    assert all(
        where[rule] == {("YOUR_GPU_PARTITION", "YOUR_FEATURE") if rule in GPU_RULES else ("tests", None)}
        for rule in where
    )


def test_what_the_plugin_would_refuse_ends_the_run_before_it_submits_anything(on_slurm: SlurmCheckout) -> None:
    run = on_slurm.start(
        "--set-resources", "make_sequences:gpu_model=a100-sxm4-80gb", "score_baseline:slurm_extra=--qos=high"
    )
    assert run.wait() != 0
    assert "nothing was submitted" in run.output, run.output
    place = "slurm_partition='tests'"
    assert f"rule make_sequences requests {place}, gpu_model='a100-sxm4-80gb': Invalid GPU model format" in run.output
    assert f"rule score_baseline requests {place}, slurm_extra='--qos=high': The --quality-of-service" in run.output
    assert "has been submitted" not in run.output
