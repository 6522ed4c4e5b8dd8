"""The process started by `make` becomes Snakemake, and is marked as a run."""

from __future__ import annotations

import os
import sys

import pytest

import one_run
import run_study
from runs import RUN_VARIABLE, this_run


def test_it_becomes_snakemake_and_says_that_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append((program, command)))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert not one_run.was_started_to_run()
    run_study.main(["--cores", "2"])
    assert started == [(sys.executable, [sys.executable, "-m", "snakemake", "--cores", "2"])]
    assert os.environ[RUN_VARIABLE] == this_run().name
    assert one_run.was_started_to_run()


def test_what_a_run_starts_is_no_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs have its name in their environment."""
    monkeypatch.setenv(RUN_VARIABLE, f"{this_run().name}0")
    assert not one_run.was_started_to_run()
