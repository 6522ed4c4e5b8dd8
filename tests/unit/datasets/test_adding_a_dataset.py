"""A built-in data set is added in two files, its module and the register; everything else is derived."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ilora.datasets.register import DATASETS
from page import BLOCK, edit, write
from small_library import READERS, write_library

PACKAGE = "workflow_scripts/ilora"
REPORT = """
import json, sys
from ilora.configuration.loading import load_study
from ilora.configuration.study import StudyConfig
from ilora.data.acquisition.raw_folder import check_raw_folder
from ilora.data.acquisition.source import terms_of_use
from ilora.data.protocols import draw_candidate_sets, make_sequences, prepare
from ilora.data.recipes import FilterSettings
from ilora.plotting.dataset_reference import paper_statistic
from ilora.plotting.labels import dataset_label

study = load_study({"datasets": ["library"]})
dataset = study.data.dataset("library")
check_raw_folder(dataset.name, dataset.source, sys.argv[1])
raw = dataset.read(sys.argv[1])
made = {}
for protocol in ("random_users", "chronological"):
    prepared = prepare(raw, dataset.recipe, protocol, FilterSettings())
    cut = make_sequences(prepared.interactions, protocol, split_seed=0, minimum_history=3, maximum_history=10)
    sets = draw_candidate_sets(
        cut, prepared.interactions, protocol, number_of_items=prepared.items.num_rows, size=20, draws=1, seed=0
    )
    made[protocol] = {"steps": [step.step for step in prepared.steps], "candidate sets": sets.num_rows}
json.dump(
    {
        "made": made,
        "users": len(set(raw.interactions["raw_user_id"].to_pylist())),
        "label": dataset_label("library"),
        "question": dataset.wording.question,
        "terms": terms_of_use(dataset.source),
        "source": study.data.sources["library"],
        "published users": paper_statistic("library", "random_users", "users"),
        "known": study.known_datasets,
    },
    sys.stdout,
)
"""


def texts(folder: Path) -> dict[str, str]:
    """Return the text of every module of the package, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """A copy of the package with the page's module and register entries added."""
    folder = tmp_path / "copy"
    shutil.copytree(repository / PACKAGE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    page = (repository / "docs" / "adding_a_dataset.md").read_text(encoding="utf-8")
    for kind, content in BLOCK.findall(page):
        if kind == "diff":
            edit(folder, content)
        elif kind == "python":
            write(folder, content)
    return folder


def test_two_files_are_touched_and_everything_else_follows(repository: Path, copy: Path, tmp_path: Path) -> None:
    before, after = texts(repository / PACKAGE), texts(copy / PACKAGE)
    touched = {path for path, text in after.items() if before.get(path) != text}
    assert touched == {"datasets/library.py", "datasets/register.py"} and before.keys() <= after.keys()

    write_library(tmp_path / "raw")
    environment = {**os.environ, "PYTHONPATH": str(copy / "workflow_scripts"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", REPORT, str(tmp_path / "raw")]
    answer = subprocess.run(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, check=True)
    told = json.loads(answer.stdout)

    kept = READERS - 1  # one with too few loans
    steps = ["distinct pairs", "users with >= 5 items", "dense ids", "order by time, ties at random"]
    assert told["made"] == {
        "random_users": {"steps": steps, "candidate sets": kept - kept * 8 // 10},
        "chronological": {"steps": steps, "candidate sets": 2 * kept},
    }
    assert told["users"] == READERS
    assert told["label"] == "Library"
    assert told["question"] == "Which candidate does the user borrow next?\n"
    assert "For research alone." in told["terms"] and "A. Librarian. 2020" in told["terms"]
    assert told["source"] == "download"
    assert told["published users"] == 60
    assert sorted(told["known"]) == sorted([*DATASETS, "library"])


def test_importing_the_register_is_light() -> None:
    code = (
        "import sys; import ilora.datasets.register; "
        "print(sorted({'torch', 'matplotlib', 'transformers', 'recbole'} & {*sys.modules}))"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert answer.stdout == "[]\n"
