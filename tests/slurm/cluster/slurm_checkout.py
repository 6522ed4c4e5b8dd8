"""A copy of the workflow that runs on the private Slurm."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from checkout import SMOKE, Checkout
from one_node_slurm import PARTITION, OneNodeSlurm

PROFILE = ("--cores", "8", "--profile", "slurm", *SMOKE)
SECONDS_TO_END = 900.0
# The plugin polls its jobs after some seconds, and ten seconds later whenever none has ended.
LOOK_EVERY_SECOND = """

from snakemake_executor_plugin_slurm import Executor

Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
"""


class Invocation:
    """One run of Snakemake with the Slurm profile, which the test may disturb."""

    def __init__(self, checkout: Checkout, slurm: OneNodeSlurm, output: Path, arguments: tuple[str, ...]) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=checkout.folder,
                env={**checkout.environment, **slurm.environment, "OMP_NUM_THREADS": "1"},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # In a shell's background, the tests ignore Ctrl-C, and child processes would inherit this.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def output(self) -> str:
        """The output so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def run_id(self) -> str | None:
        """The id of the run in Slurm, once known."""
        found = re.search(r"^SLURM run ID: (\S+)$", self.output, re.MULTILINE)
        return found and found[1]

    @property
    def finished_jobs(self) -> Counter[str]:
        """The number of finished jobs of each rule."""
        return Counter(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)$", self.output, re.MULTILINE))

    def wait(self) -> int:
        """Wait for the end and return the exit status; a run that hangs is interrupted, and fails the test."""
        try:
            return self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Snakemake hangs:\n{self.output}") from None

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill Snakemake with SIGKILL; its jobs continue."""
        self.process.kill()
        self.process.wait()


class SlurmCheckout:
    """A copy of the workflow whose profile names the partition of the private Slurm."""

    def __init__(self, slurm: OneNodeSlurm, checkout: Checkout) -> None:
        self.slurm = slurm
        self.checkout = checkout
        self._invocations: list[Invocation] = []
        profile = checkout.folder / "slurm" / "config.yaml"
        text = profile.read_text(encoding="utf-8")
        named = text.replace("#  - slurm_partition=YOUR_PARTITION", f"  - slurm_partition={PARTITION}")
        assert named != text
        profile.write_text(named, encoding="utf-8")

    def look_every_second(self) -> None:
        """Make Snakemake notice the end of a job within a second or two, since the tests' jobs take seconds."""
        with (self.checkout.folder / "Snakefile").open("a", encoding="utf-8") as file:
            file.write(LOOK_EVERY_SECOND)
        profile = self.checkout.folder / "slurm" / "config.yaml"
        text = profile.read_text(encoding="utf-8")
        often = text.replace("max-status-checks-per-second: 0.1", "max-status-checks-per-second: 1")
        assert often != text
        profile.write_text(often, encoding="utf-8")

    def start(self, *arguments: str) -> Invocation:
        """Start `snakemake --cores 8 --profile slurm` on the smoke study."""
        return self._start("-m", "snakemake", *PROFILE, *arguments)

    def start_by_make(self, *arguments: str) -> Invocation:
        """Start it through `run_study.py`, like `make slurm`."""
        return self._start("workflow_scripts/run_study.py", *PROFILE, *arguments)

    def _start(self, *command: str) -> Invocation:
        output = self.checkout.folder / f"run{len(self._invocations)}.txt"
        self._invocations.append(Invocation(self.checkout, self.slurm, output, command))
        return self._invocations[-1]

    def stop(self) -> None:
        """Stop what a failed test has left running."""
        for invocation in self._invocations:
            if invocation.process.poll() is None:
                invocation.kill()

    def unlock(self) -> None:
        """Remove the lock of a run that was killed."""
        run = self._start("-m", "snakemake", "--unlock", *SMOKE)
        assert run.wait() == 0, run.output

    def differences(self, finished: Checkout) -> list[str]:
        """Return the artifacts that differ from those of the other copy, or that only one copy has."""
        expected, found = finished.hashes(), self.checkout.hashes()
        return [path for path in expected | found if expected.get(path) != found.get(path)]


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait until a function returns a true value; return whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
