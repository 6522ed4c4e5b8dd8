"""Jobs that a killed run left in Slurm's queue are gone before the next run checks which files exist."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(600)

CANDIDATES = "data/movielens/random_users/candidates.parquet"
PREDICTIONS = "baselines/movielens/random_users/popularity/predictions.parquet"
# One job is in the queue until it is cancelled; like a real one, it then removes its output.
SLURM = """#!/bin/sh
case "$(basename "$0")" in
    squeue) test -e job && echo 1; exit 0 ;;
    scancel) rm job "$CANDIDATES" ;;
esac
"""


@pytest.fixture
def killed(finished: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A copy of the finished study in which a run was killed while its job for the candidates ended."""
    copy = Checkout.like(finished, tmp_path / "checkout")
    (copy.results / PREDICTIONS).unlink()
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("squeue", "scancel"):
        (commands / name).write_text(SLURM, encoding="utf-8")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CANDIDATES", str(copy.results / CANDIDATES))
    (copy.folder / "job").touch()
    dead = psutil.Popen([sys.executable, "-c", ""], stdout=subprocess.DEVNULL)
    run = {"host": os.uname().nodename, "process": dead.pid, "began": dead.create_time()}
    dead.wait()
    record = copy.folder / ".snakemake" / "slurm_runs" / "killed.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps(run), encoding="utf-8")
    return copy


def test_files_that_a_cancelled_job_takes_away_are_planned_again(killed: Checkout, finished: Checkout) -> None:
    target = f"results/smoke/{PREDICTIONS}"
    assert killed.planned_jobs(*SMOKE, "--", target) == {"score_baseline": 1}
    assert (killed.folder / "job").exists(), "a dry run has cancelled a job"
    process = killed.snakemake("--cores", "1", *SMOKE, "--", target)
    assert process.returncode == 0, process.stdout
    assert "cancelled 1 jobs that a killed run left in Slurm's queue" in process.stdout
    for path in (CANDIDATES, PREDICTIONS):
        assert (killed.results / path).read_bytes() == (finished.results / path).read_bytes()
