"""Slow shared inputs of tests, made once for all parallel test processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from checkout import Checkout


def text_made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], str]) -> str:
    """Return a text that the first process makes while the others wait."""
    base = factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{path}.lock"):
        if not path.exists():
            partial = path.with_name(f"{name}.partial")
            partial.write_text(make(), encoding="utf-8")
            partial.rename(path)
    return path.read_text(encoding="utf-8")


def plan_of_the_paper(repository: Path, factory: pytest.TempPathFactory) -> str:
    """Return the output of a dry run of the paper's study on Slurm."""

    def make() -> str:
        checkout = Checkout(repository, factory.mktemp("plan") / "checkout")
        process = checkout.snakemake("--dry-run", "--cores", "8", "--profile", "slurm")
        assert process.returncode == 0, process.stdout
        return process.stdout

    return text_made_once(factory, "plan_of_the_paper.txt", make)
