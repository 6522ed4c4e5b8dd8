"""The smoke study from raw data to figures: it finishes, is reproducible, and remakes only what is out of date."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import small_movielens
from checkout import SMOKE, Checkout
from namespaces import NO_NETWORK, is_allowed

# The first test makes the whole study, and the last one makes it again.
pytestmark = pytest.mark.timeout(1200)

PLACE = "movielens/random_users"
SEED = "default/seed~1"
# The pages with all results, and everything that depends on predictions.
PAGES = {"write_study": 1, "collect_costs": 1}
TABLES = {
    "collect_metrics": 1,
    "compare_methods": 1,
    "collect_error_analyses": 1,
    "make_table1": 1,
    "make_differences": 1,
    "make_error_analysis": 1,
    "draw_hit_ratio": 1,
    "draw_answer_categories": 1,
    "draw_error_breakdowns": 1,
    "write_summary": 1,
    **PAGES,
}
# The answers of a language model, and everything that depends on them.
ANSWERS = {
    "answer_fine_tuned": 3,
    "answer_zero_shot": 1,
    "compute_metrics": 4,
    "describe_adapter": 3,
    "analyse_errors": 4,
    "write_answers": 1,
    **TABLES,
}


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """Change a file's content, or remove it if the content is None, and restore it with its time afterwards."""
    backup = path.with_name(path.name + ".backup")
    shutil.copy2(path, backup)
    try:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        yield
    finally:
        backup.replace(path)


def test_the_small_data_set_is_what_its_script_writes() -> None:
    files = {path.name: path.read_bytes() for path in small_movielens.FOLDER.iterdir()}
    assert files == small_movielens.contents()


def test_nothing_was_fetched(finished: Checkout) -> None:
    """The whole study ran without network access."""
    if not is_allowed(NO_NETWORK):
        pytest.skip("not run: this user may not call unshare --net, so that the study was made beside a network")
    assert (finished.results / "tables" / "table1.parquet").is_file()


def test_the_table_has_a_row_for_each_method(finished: Checkout) -> None:
    table = pq.read_table(finished.results / "tables" / "table1.parquet").to_pydict()
    expected = ["popularity", "sasrec", "morec", "zero_shot", "tallrec", "llara", "ilora"]
    assert table["method"] == expected


def test_text_alone_is_tuned_without_projector_and_recommender(finished: Checkout) -> None:
    folder = finished.results / "finetune" / PLACE / "embedded" / "tallrec" / SEED
    assert {path.name for path in (folder / "adapter").iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "ilora.json",
    }
    provenance = (folder / "adapter.provenance.json").read_text(encoding="utf-8")
    assert "sequences.parquet" in provenance and "recommenders" not in provenance
    predictions = pq.read_table(
        finished.results / "llm" / PLACE / "embedded" / "tallrec" / SEED / "predictions.parquet"
    )
    assert predictions["text"].null_count == predictions["scores"].null_count == 0


@pytest.mark.parametrize("name", ["hit_ratio", "training_curves", "expert_attention"])
def test_figures_are_drawn(finished: Checkout, name: str) -> None:
    folder = finished.results / "figures" / "movielens"
    assert (folder / f"{name}.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert pq.read_table(folder / f"{name}.parquet").num_rows > 0


def test_logs_tell_of_every_job(finished: Checkout) -> None:
    for log in ("fine_tune", "train_recommender", "pretrain_backbone"):
        (text,) = {path.read_text(encoding="utf-8")[:2] for path in (finished.results / "logs" / log).rglob("*.log")}
        assert text == "20", f"{log}: the log begins with no date"


def test_a_second_run_has_nothing_to_do(finished: Checkout) -> None:
    process = finished.snakemake("--cores", "all", *SMOKE)
    assert process.returncode == 0 and "Nothing to be done" in process.stdout


@pytest.mark.parametrize(
    ("artifact", "jobs"),
    [
        (f"baselines/{PLACE}/popularity/metrics.parquet", {"compute_metrics": 1, **TABLES}),
        (
            f"baselines/{PLACE}/popularity/predictions.parquet",
            {"score_baseline": 1, "compute_metrics": 1, "analyse_errors": 1, **TABLES},
        ),
        (
            f"analysis/{PLACE}/embedded/ilora/{SEED}/gates.parquet",
            {"compute_gates": 1, "draw_expert_attention": 1, **PAGES},
        ),
        (
            f"finetune/{PLACE}/embedded/llara/{SEED}/training_log.parquet",
            {
                "fine_tune": 1,
                "answer_fine_tuned": 1,
                "compute_metrics": 1,
                "describe_adapter": 1,
                "analyse_errors": 1,
                "write_answers": 1,
                "draw_training_curves": 1,
                **TABLES,
            },
        ),
        (
            f"finetune/{PLACE}/embedded/ilora/{SEED}/adapter/adapter_model.safetensors",
            {
                "fine_tune_gated": 1,
                "answer_fine_tuned": 1,
                "compute_metrics": 1,
                "describe_adapter": 1,
                "analyse_errors": 1,
                "write_answers": 1,
                "compute_gates": 1,
                "draw_training_curves": 1,
                "draw_expert_attention": 1,
                **TABLES,
            },
        ),
        ("figures/movielens/hit_ratio.pdf", {"draw_hit_ratio": 1, **PAGES}),
        ("tables/table1.tex", {"make_table1": 1, "draw_hit_ratio": 1, "write_summary": 1, **PAGES}),
        ("tables/movielens/answers.html", {"write_answers": 1}),
        ("benchmarks/rules/fine_tune/movielens/random_users/embedded/llara/default/seed~1.tsv", {}),
    ],
)
def test_a_deleted_artifact_is_made_again_with_what_depends_on_it(
    finished: Checkout, artifact: str, jobs: dict[str, int]
) -> None:
    with changed(finished.results / artifact, None):
        assert finished.planned_jobs(*SMOKE) == jobs


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("figures/hit_ratio.py", {"draw_hit_ratio": 1, **PAGES}),
        ("reporting/costs.py", {"collect_costs": 1}),
        ("baselines/popularity.py", {"score_baseline": 1, "compute_metrics": 1, "analyse_errors": 1, **TABLES}),
        ("configuration/study.py", {"write_study": 1, "write_deviations": 1}),
        ("study/targets.py", {}),
        ("llm/inference/answer_trie.py", ANSWERS),
    ],
)
def test_an_edited_module_reruns_what_uses_it(finished: Checkout, module: str, jobs: dict[str, int]) -> None:
    path = finished.folder / "workflow_scripts" / "ilora" / module
    with changed(path, path.read_bytes() + b"\nEDITED = 1\n"):
        assert finished.planned_jobs(*SMOKE) == jobs


@pytest.mark.parametrize(
    ("module", "old", "new", "jobs"),
    [
        ("llm/prompts/builder.py", '"""\n\n', '\n\nReworded.\n"""\n\n# A comment.\n', {}),
        (
            "configuration/sections/finetuning_values.py",
            "    experts: Annotated[Count, GATED] =",
            "    new: Count = Field(1, description='new')\n    experts: Annotated[Count, GATED] =",
            {},
        ),
    ],
)
def test_other_words_and_a_new_option_compute_nothing_anew(
    finished: Checkout, module: str, old: str, new: str, jobs: dict[str, int]
) -> None:
    path = finished.folder / "workflow_scripts" / "ilora" / module
    text = path.read_text(encoding="utf-8")
    assert old in text
    with changed(path, text.replace(old, new, 1).encode()):
        assert finished.planned_jobs(*SMOKE) == jobs


def test_an_edited_setting_reruns_what_uses_it(finished: Checkout) -> None:
    overlay = finished.folder / "studies" / "edited.yaml"
    overlay.write_text("decoding: {maximum_new_tokens: 5}\n", encoding="utf-8")
    jobs = finished.planned_jobs(*SMOKE, "studies/edited.yaml")
    assert jobs == {**ANSWERS, "write_deviations": 1}


def test_another_seed_gives_other_numbers(finished: Checkout) -> None:
    overlay = finished.folder / "studies" / "seed.yaml"
    overlay.write_text("seeds: [2]\n", encoding="utf-8")
    folder = f"recommenders/{PLACE}/sasrec"
    target = f"results/smoke/{folder}/seed~2/metrics.parquet"
    process = finished.snakemake("--cores", "all", *SMOKE, "studies/seed.yaml", "--", target)
    assert process.returncode == 0, process.stdout
    hashes = finished.hashes()
    assert hashes[f"{folder}/seed~1/predictions.parquet"] != hashes[f"{folder}/seed~2/predictions.parquet"]
    for made in sorted(finished.results.rglob("*seed~2*"), reverse=True):
        shutil.rmtree(made) if made.is_dir() else made.unlink()


class Start:
    """A run of the smoke study through `run_study.py`, to be killed."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        with (checkout.folder / "run.txt").open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [sys.executable, "workflow_scripts/run_study.py", "--cores", "2", "--rerun-incomplete", *SMOKE],
                cwd=checkout.folder,
                env=checkout.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill_when(self, job: str) -> None:
        """Kill Snakemake with SIGKILL as soon as the log of a job exists."""
        while not list((self._checkout.results / "logs" / job).rglob("*.log")):
            assert self.process.poll() is None, self.output()
            time.sleep(0.1)
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def output(self) -> str:
        """Return the output of the run."""
        return (self._checkout.folder / "run.txt").read_text(encoding="utf-8")


def test_a_run_that_was_killed_twice_ends_with_the_same_bytes(checkout: Checkout, finished: Checkout) -> None:
    Start(checkout).kill_when("pretrain_backbone")
    second = Start(checkout)
    second.kill_when("fine_tune")
    assert "unlocking the folder" in second.output()
    last = Start(checkout)
    assert last.process.wait() == 0, last.output()
    assert "unlocking the folder" in last.output()
    expected = {path: value for path, value in finished.hashes().items() if "seed~2" not in path}
    found = checkout.hashes()
    assert [path for path in expected | found if expected.get(path) != found.get(path)] == []
    assert {"data/movielens/random_users/candidates.parquet", "tables/metrics.parquet"} <= set(expected)
