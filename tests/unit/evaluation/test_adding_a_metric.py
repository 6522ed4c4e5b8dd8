"""Following docs/adding_a_metric.md, a metric is added in one module, and appears wherever metrics are shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from page import BLOCK, edit

pytestmark = pytest.mark.slow

# Prints the metrics of a run with made-up predictions: their table, Table 1 and the card of the adapter.
SHOW = """
import json
import sys

import numpy as np
import pyarrow as pa

from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import Run
from ilora.predictions.schema import PREDICTIONS
from ilora.evaluation.schemas import DIFFERENCES
from ilora.evaluation.summary import summarise
from ilora.reporting.model_card import CardFacts, model_card
from ilora.tables.table1.formats import to_csv, to_html, to_markdown
from ilora.tables.table1.notes import table_notes
from ilora.tables.table1.rows import build_table1

titles = [f"Item {item}" for item in range(8)]
scores = np.random.default_rng(0).random((40, 8)).tolist()
rows = [
    {
        "sequence_id": user, "split": "val" if user < 20 else "test", "user_id": user, "draw": 0, "method": "ilora",
        "candidates_hash": "x", "history": [0], "target": user % 8, "candidates": list(range(8)),
        "scores": scores[user], "text": titles[user % 3], "choice": user % 3,
    }
    for user in range(40)
]
predictions = pa.Table.from_pylist(rows, schema=PREDICTIONS)
run = Run("movielens", "random_users", "ilora", "embedded", seed=1)
settings = IntervalSettings(samples=100)
metrics = measure_run(predictions, run, titles, settings, "here")
table = build_table1(
    summarise(metrics, {run: predictions}, {run.data: titles}, settings), DIFFERENCES.empty_table(), {}
)
notes = table_notes(table, DIFFERENCES.empty_table())
facts = CardFacts(
    "ilora", "instance_wise", "movielens", "random_users", "embedded", None, None, False, None, "sasrec", 1,
    {"order": "history_first", "behaviour_token": "before_title", "template": "plain"}, {}, None, "adapter",
)
measured = {row["metric"]: row["value"] for row in metrics.to_pylist() if row["split"] == "test"}
places = np.argsort(-np.array(scores), axis=1).argsort(axis=1)[np.arange(40), np.arange(40) % 8]
json.dump(
    {
        "measured": measured, "expected": float((places[20:] < 3).mean()), "csv": to_csv(table),
        "md": to_markdown(table, notes), "html": to_html(table, notes), "card": model_card(facts, metrics),
    },
    sys.stdout,
)
"""


def texts(folder: Path) -> dict[str, str]:
    """Return the text of each module below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}


@pytest.fixture(scope="module")
def shown(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The output after the page's steps in a copy of the library."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(repository / "workflow_scripts", folder / "workflow_scripts")
    page = (repository / "docs" / "adding_a_metric.md").read_text(encoding="utf-8")
    steps = BLOCK.findall(page)
    assert [kind for kind, _ in steps] == ["diff", "diff"]
    for _, block in steps:
        edit(folder, block)
    before, after = texts(repository / "workflow_scripts"), texts(folder / "workflow_scripts")
    assert {path for path, text in after.items() if before.get(path) != text} == {"ilora/evaluation/metrics.py"}
    environment = {**os.environ, "PYTHONPATH": "workflow_scripts"}
    process = subprocess.run([sys.executable, "-c", SHOW], cwd=folder, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_it_is_measured(shown: dict[str, dict[str, float]]) -> None:
    assert shown["measured"]["hit_ratio@3"] == pytest.approx(shown["expected"])
    assert list(shown["measured"])[-4:] == ["ndcg@5", "ndcg@10", "tie_ratio", "hit_ratio@1_likelihood"]


def test_it_is_shown_with_its_label_and_its_note(shown: dict[str, str]) -> None:
    value = f"{shown['expected']:.3f} ["
    note = "HitRatio@3 counts the answers whose target is among the three best scored candidates."
    assert "hit_ratio@3_test,hit_ratio@3_test_low,hit_ratio@3_test_high,hit_ratio@3_test_sd" in shown["csv"]
    assert "| HitRatio@3 (test) " in shown["md"] and value in shown["md"] and f"- {note}\n" in shown["md"]
    assert '<th class="lines">HitRatio@3\ntest</th>' in shown["html"] and f"<li>{note}</li>" in shown["html"]
    assert "| HitRatio@3 |" in shown["card"] and value in shown["card"]


def test_the_pages_are_named(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert "(docs/adding_a_metric.md)" in readme and "(docs/adding_a_figure.md)" in readme
