"""A copy of the workflow to plan and run in, so that tests neither change nor depend on existing results."""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from namespaces import without_network

PARTS = (
    "Snakefile",
    "config.yaml",
    "rules",
    "workflow_scripts",
    "studies",
    "slurm",
    "envs",
    "tests/workflow/small_movielens",
    "tests/workflow/small_books",
)
SNAKEMAKE = (sys.executable, "-m", "snakemake")
SMOKE = ("--configfile", "studies/smoke.yaml")
ARTIFACTS = ("*.parquet", "*.safetensors", "*.json", "*.csv", "*.md", "*.tex", "*.svg", "*.pdf", "*.png")
NOT_DATA = ("*.provenance.json", "logs/**/*", "benchmarks/**/*")


class Checkout:
    """A copy of the workflow with its results."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        # With bytecode, since each of a run's many processes would otherwise compile all modules.
        compileall.compile_dir(repository / "workflow_scripts", quiet=2)
        for part in PARTS:
            source, target = repository / part, folder / part
            if source.is_dir():
                # Another test process may be writing bytecode, initially under a temporary name.
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc.*"))
            else:
                shutil.copy(source, target)

    @classmethod
    def like(cls, other: Checkout, folder: Path) -> Checkout:
        """Return a copy of another checkout, with its results and the times of its files."""
        shutil.copytree(other.folder, folder, symlinks=True)
        return cls.at(folder)

    @classmethod
    def at(cls, folder: Path) -> Checkout:
        """Return the existing copy in a folder."""
        copy = cls.__new__(cls)
        copy.folder = folder
        return copy

    @property
    def results(self) -> Path:
        """The results folder of the smoke study."""
        return self.folder / "results" / "smoke"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Snakemake: no downloads, and no bytecode next to edited modules."""
        # torch sets this in the tests' own environment, and it would take precedence over TMPDIR.
        inherited = {name: value for name, value in os.environ.items() if name != "TORCHINDUCTOR_CACHE_DIR"}
        return {**inherited, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy with the tests' interpreter; standard error is merged into the output."""
        return self.run([*SNAKEMAKE, *arguments])

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; standard error is merged into the output."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def run_smoke(self) -> None:
        """Run the whole smoke study, without a network if the system allows that."""
        process = self.run(without_network([*SNAKEMAKE, "--cores", "all", *SMOKE]))
        assert process.returncode == 0, process.stdout

    def ask(self, adapter: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Query a tuned adapter, by its path in the copy, with `ilora predict`; standard error is separate."""
        return subprocess.run(
            [sys.executable, "-m", "ilora.cli", "predict", adapter, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": "workflow_scripts"},
            capture_output=True,
            text=True,
            check=False,
        )

    def unique_titles(self, place: str) -> list[str]:
        """Return the titles of exactly one item, for a data set and protocol of the smoke study."""
        titles = pq.read_table(self.results / "data" / place / "items.parquet")["title"].to_pylist()
        return [title for title in titles if titles.count(title) == 1]

    def planned_jobs(self, *arguments: str) -> dict[str, int]:
        """Return the number of planned jobs of each rule except `all` in a dry run; empty if everything is done."""
        process = self.snakemake("--dry-run", "--cores", "8", "--quiet", "rules", *arguments)
        assert process.returncode == 0, process.stdout
        jobs = jobs_in(process.stdout)
        assert jobs or "Nothing to be done" in process.stdout, process.stdout
        return jobs

    def hashes(self) -> dict[str, str]:
        """Return the sha256 of each data file, by its path in the results."""
        files = {path for pattern in ARTIFACTS for path in self.results.rglob(pattern)}
        files -= {path for pattern in NOT_DATA for path in self.results.glob(f"**/{pattern}")}
        return {
            path.relative_to(self.results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(files)
        }


def jobs_in(plan: str) -> dict[str, int]:
    """Return the number of jobs of each rule except `all` in the output of a dry run."""
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", plan, re.MULTILINE)}
    return {name: count for name, count in jobs.items() if name not in ("all", "total")}
