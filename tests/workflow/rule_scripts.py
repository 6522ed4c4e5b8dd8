"""The jobs of a finished study, rerun in this process as by Snakemake, on damaged inputs.

Snakemake takes seconds to start a job, which a damaged input stops at once: hence one process for many jobs.
"""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snakemake.api import DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.iocontainers import Snakemake
from snakemake.settings.types import ConfigSettings, Quietness

Listing = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class Job:
    """A job of the study: its rule's script, and the `snakemake` object."""

    rule: str
    script: Path
    given: Snakemake


@dataclass(frozen=True)
class Outcome:
    """Outcome of a script: the error that stopped it, or "", and the artifacts that it changed or created."""

    error: str
    changed: list[str]


def plan_jobs(folder: Path, study: str) -> list[Job]:
    """Return every job of a study with a script, as planned by Snakemake in a folder."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        interface = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path(study)]),
            snakefile=folder / "Snakefile",
            workdir=folder,
        )
        interface.dag(DAGSettings())
        # Snakemake has no API for jobs; this is what its own commands do before they use them.
        workflow = interface._workflow
        workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        scripts = folder / "workflow_scripts"
        return [
            Job(
                job.rule.name,
                scripts / Path(job.rule.script).name,
                Snakemake(
                    job.input,
                    job.output,
                    job.params,
                    job.wildcards,
                    job.threads,
                    job.resources,
                    job.log,
                    config={},
                    rulename=job.rule.name,
                    bench_iteration=None,
                ),
            )
            for job in workflow.dag.jobs
            if job.rule.script
        ]


class Results:
    """The results of a finished study, restored after each script except for the damage of a test.

    Args:
        folder: folder of the results, relative to the working directory, as in the jobs.
        pristine: folder for a copy of the results.
    """

    def __init__(self, folder: Path, pristine: Path) -> None:
        self.folder, self._pristine = folder, pristine
        shutil.copytree(folder, pristine)
        self._listing = self._list()

    def run_damaged(self, job: Job, damage: Callable[[], None]) -> Outcome:
        """Apply a damage, run a job's script, return the outcome, and restore everything."""
        try:
            damage()
            before = self._list()
            error = _run(job)
            after = self._list()
            changed = [path for path in before.keys() | after if before.get(path) != after.get(path)]
            return Outcome(error, sorted(map(str, changed)))
        finally:
            self._restore()

    def _list(self) -> Listing:
        """Return time and size of each artifact, including partial ones but not logs."""
        entries = ((path.relative_to(self.folder), path.stat()) for path in self.folder.rglob("*") if path.is_file())
        return {path: (entry.st_mtime_ns, entry.st_size) for path, entry in entries if path.parts[0] != "logs"}

    def _restore(self) -> None:
        found = self._list()
        for path in found.keys() - self._listing:
            (self.folder / path).unlink()
        for path in [path for path, entry in self._listing.items() if found.get(path) != entry]:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._pristine / path, self.folder / path)


def _run(job: Job) -> str:
    try:
        runpy.run_path(str(job.script), init_globals={"snakemake": job.given})
    except Exception as error:  # any error that stops a script is shown to its user
        return f"{type(error).__name__}: {error}"
    return ""
