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


def test_the_display_is_for_runs_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert not run_study.has_display(["--cores", "2"])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert run_study.has_display(["--cores", "2", "--configfile", "studies/smoke.yaml"])
    assert not any(run_study.has_display(["--cores", "2", option]) for option in ("-n", "--unlock", "--logger"))
    monkeypatch.setenv("TERM", "dumb")
    assert not run_study.has_display(["--cores", "2"])


def test_what_a_run_starts_is_no_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs have its name in their environment."""
    monkeypatch.setenv(RUN_VARIABLE, f"{this_run().name}0")
    assert not one_run.was_started_to_run()
