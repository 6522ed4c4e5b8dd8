"""Fixtures of the tests that plan and run the workflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from checkout import Checkout
from made_once import plan_of_the_paper

FOLDER = Path(__file__).parent
# Files with tests that take minutes, longest first: started last, one of them would run alone at the end.
LONGEST = (
    "test_smoke.py",
    "test_launching.py",
    "test_damaged_inputs.py",
    "test_analyses.py",
    "test_own_data.py",
    "test_chat_template.py",
    "test_gguf.py",
    "test_weight_decay.py",
    "test_in_miniature.py",
    "test_several_gpus.py",
    "test_gpu_bench.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests that run the workflow as slow, and start with the longest."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Checkout:
    """A fresh copy of the workflow."""
    return Checkout(repository, tmp_path / "checkout")


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Checkout:
    """A copy with the finished smoke study. Tests restore what they change.

    The study is made once; each parallel test process has a copy.
    """
    folder = tmp_path_factory.getbasetemp()
    if worker_id == "master":
        return _made(repository, folder / "finished" / "checkout")
    shared = folder.parent / "finished"
    with FileLock(f"{shared}.lock"):
        if not shared.is_dir():
            _made(repository, folder / "made" / "checkout")
            (folder / "made").rename(shared)
        return Checkout.like(Checkout.at(shared / "checkout"), folder / "finished" / "checkout")


@pytest.fixture(scope="session")
def papers_plan(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of a dry run of the paper's study on Slurm."""
    return plan_of_the_paper(repository, tmp_path_factory)


def _made(repository: Path, folder: Path) -> Checkout:
    copy = Checkout(repository, folder)
    copy.run_smoke()
    return copy
