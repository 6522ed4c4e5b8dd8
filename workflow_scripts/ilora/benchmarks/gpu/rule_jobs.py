"""Jobs of the workflow run without Snakemake: the rules' own scripts, with the inputs that Snakemake planned.

Their outputs and records are therefore the same as those of the workflow; `recorded_settings` and the scripts that read
it verify this.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

#: The scripts of the rules whose jobs are exported.
TUNING, ANSWERING = "fine_tune.py", "answer_fine_tuned.py"

_SCRIPTS = Path(__file__).parents[3]


@dataclass(frozen=True)
class RuleJob:
    """A job as its script sees it, with files and values by name; each file entry is one path or a list.

    Attributes:
        rule: name of the rule.
        script: file name of the rule's script.
        threads: number of threads.
        log: log file.
        benchmark: Snakemake's benchmark file of the job; None if it has none.
    """

    rule: str
    script: str
    wildcards: dict[str, str]
    input: dict[str, Any]
    output: dict[str, Any]
    params: dict[str, Any]
    threads: int
    log: str
    benchmark: str | None = None

    @property
    def inputs(self) -> list[str]:
        """All input files."""
        return list(Named(self.input))

    @property
    def outputs(self) -> list[str]:
        """All output files and folders."""
        return list(Named(self.output))


class Named:
    """Named values, accessible as in ``snakemake.input``: as attributes, by key, or by iteration."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[Any]:
        for value in self._values.values():
            yield from value if isinstance(value, list) else [value]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or the default."""
        return self._values.get(name, default)

    def items(self) -> Any:
        """Return names and values."""
        return self._values.items()


class _Given:
    """The object that a script accesses as ``snakemake``."""

    def __init__(self, job: RuleJob) -> None:
        self.rule, self.threads, self.log = job.rule, job.threads, [job.log]
        self.wildcards, self.params = Named(job.wildcards), Named(job.params)
        self.input, self.output = Named(job.input), Named(job.output)


@dataclass(frozen=True)
class Ended:
    """Resources used by a finished job.

    Attributes:
        rule: name of the rule.
        method: the method; "" if the job has none.
        seconds: elapsed time, including loading, preparation and writing.
        peak_bytes: peak GPU memory; None on a processor.
    """

    rule: str
    method: str
    seconds: float
    peak_bytes: int | None


def run_job(job: RuleJob) -> Ended:
    """Run a job's script in this process; paths are relative to the working directory."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    begun = time.monotonic()
    runpy.run_path(str(_SCRIPTS / job.script), init_globals={"snakemake": _Given(job)})
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return Ended(job.rule, job.wildcards.get("method", ""), time.monotonic() - begun, peak)


def main(arguments: list[str]) -> None:
    """Run the jobs in a file one by one, and print a line of JSON for each finished job."""
    for values in json.loads(Path(arguments[0]).read_text(encoding="utf-8")):
        print(json.dumps(asdict(run_job(RuleJob(**values)))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
