"""Two runs in one folder, killed at random moments, never work at once, and end with complete files or a refusal."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

ROUNDS = int(os.environ.get("ROUNDS_OF_KILLS", "2"))
FILES = 12
ALL = ("--cores", "2", "--rerun-incomplete")
# A miniature of the workflow's Snakefile: each file is written in two halves, which concurrent jobs would mix.
WORKFLOW = """
import sys

sys.path.insert(0, "SCRIPTS")
import one_run
from snakemake.exceptions import WorkflowError

if workflow.is_main_process and not workflow.output_settings.dryrun:
    try:
        if one_run.was_started_to_run():
            one_run.begin()
    except one_run.AnotherRunError as error:
        raise WorkflowError(str(error)) from None


onstart:
    try:
        one_run.confirm()
    except one_run.AnotherRunError as error:
        raise WorkflowError(str(error)) from None


rule all:
    input: expand("made/{n}", n=range(FILES))


rule half_by_half:
    output: "made/{n}"
    shell:
        "echo $ILORA_RUN >> journal; printf 'first {wildcards.n}' > {output}; sleep 0.2; "
        "while test -e wait; do sleep 0.02; done; printf ' second' >> {output}"
"""


class Start:
    """A start of a run, by ``run_study``, as make does, or as ``plain`` Snakemake."""

    def __init__(self, kind: str, folder: Path, scripts: Path, arguments: tuple[str, ...]) -> None:
        starter = [str(scripts / "run_study.py")] if kind == "run_study" else ["-m", "snakemake"]
        # Not a pipe, which the jobs of a killed run would keep open.
        self._output = folder / f"output{len(list(folder.glob('output*')))}"
        with self._output.open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [sys.executable, *starter, *arguments],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if name != "ILORA_RUN"},
            )

    @property
    def output(self) -> str:
        """The output so far."""
        return self._output.read_text(encoding="utf-8")

    @property
    def is_alive(self) -> bool:
        """Whether it is still running."""
        return self.process.poll() is None

    def end(self) -> int:
        """Wait for its end and return its exit status."""
        return self.process.wait()

    def kill(self) -> None:
        """Kill it with SIGKILL; its jobs continue."""
        self.process.kill()
        self.process.wait()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until a function returns a true value, which must happen before the run ends."""
        while not condition():
            assert self.is_alive, self.output
            time.sleep(0.02)


class Folder:
    """A working folder of the small workflow."""

    def __init__(self, folder: Path, scripts: Path) -> None:
        self.path = folder
        self._scripts = scripts
        text = WORKFLOW.replace("SCRIPTS", str(scripts)).replace("FILES", str(FILES))
        folder.mkdir()
        (folder / "Snakefile").write_text(text, encoding="utf-8")

    def start(self, kind: str, *arguments: str) -> Start:
        """Start a run."""
        return Start(kind, self.path, self._scripts, (*ALL, *arguments))

    def work_has_begun(self) -> bool:
        """Whether a complete or partial file exists."""
        return any(self.path.glob("made/*"))

    def made(self) -> dict[str, str]:
        """Return the files by their names."""
        return {path.name: path.read_text(encoding="utf-8") for path in self.path.glob("made/*")}

    def runs_at_work(self) -> list[str]:
        """Return the run of each started job, without consecutive repeats; interleaved runs occur twice."""
        journal = self.path / "journal"
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
        return [name for name, _ in groupby(lines)]


WHOLE = {str(n): f"first {n} second" for n in range(FILES)}


@pytest.fixture
def folder(repository: Path, tmp_path: Path) -> Folder:
    return Folder(tmp_path / "work", repository / "workflow_scripts")


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_two_runs_with_kills(folder: Folder, round_number: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    kinds = [chance.choice(["run_study", "plain"]) for _ in range(2)]
    print(f"seed {seed}: {' and '.join(kinds)}")
    starts = []
    for kind in kinds:
        starts.append(folder.start(kind))
        time.sleep(chance.choice([0.0, chance.uniform(0.0, 3.0)]))
    for start in chance.sample(starts, len(starts)):
        # Half of them during parsing and planning, and half while jobs run.
        if chance.random() < 0.5:
            while start.is_alive and not folder.work_has_begun():
                time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.6))
        print(f"{'killed' if start.is_alive else 'over'} with {len(folder.made())} of {FILES} files begun")
        start.kill()
    last = folder.start("run_study")
    if last.end() != 0:
        assert "Directory cannot be locked" in last.output
        print("refused")
        assert folder.start("run_study", "--unlock").end() == 0
        last = folder.start("run_study")
    assert last.end() == 0, last.output
    assert folder.made() == WHOLE
    runs = folder.runs_at_work()
    print(f"{len(runs)} runs worked")
    assert len(runs) == len(set(runs)), "two runs worked at once"


def test_beside_a_living_run_no_other_works(folder: Folder) -> None:
    """Even if someone has removed Snakemake's own lock; a dry run shows its plan and leaves no trace."""
    (folder.path / "wait").touch()
    living = folder.start("plain")
    try:
        living.wait_until(folder.work_has_begun)
        shutil.rmtree(folder.path / ".snakemake" / "locks")
        dry, by_make, by_hand = (folder.start("run_study", "-n"), folder.start("run_study"), folder.start("plain"))
        assert (dry.end(), by_make.end(), by_hand.end()) == (0, 1, 1)
    finally:
        (folder.path / "wait").unlink()
        status = living.end()
    assert "half_by_half" in dry.output
    for refused in (by_make, by_hand):
        assert f"another run is under way in this folder: process {living.process.pid}" in refused.output
    assert status == 0, living.output
    assert folder.made() == WHOLE and len(folder.runs_at_work()) == 1


def test_a_killed_run_is_taken_up_and_its_jobs_are_stopped(folder: Folder) -> None:
    (folder.path / "wait").touch()
    killed = folder.start("run_study")
    killed.wait_until(folder.work_has_begun)
    killed.kill()
    last = folder.start("run_study")
    # Jobs of the killed run wait, and so will those of the last run, which has to plan first.
    last.wait_until(lambda: "Building DAG" in last.output)
    (folder.path / "wait").unlink()
    assert last.end() == 0, last.output
    assert "processes that outlived a killed run" in last.output
    assert f"unlocking the folder: process {killed.process.pid}, which held the lock, is dead" in last.output
    assert folder.made() == WHOLE and len(folder.runs_at_work()) == 2
