"""Jobs of the workflow away from it: the rules' own scripts, run with what Snakemake planned for them.

So what they make, with the records beside it, is what the workflow would have made; `recorded_settings` and the
scripts that read it hold it to that.
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

#: The scripts of the rules whose jobs travel.
TUNING, ANSWERING = "fine_tune.py", "answer_fine_tuned.py"

_SCRIPTS = Path(__file__).parents[3]


@dataclass(frozen=True)
class RuleJob:
    """A job as its script sees it: files and values by name; files are one path or several.

    Attributes:
        rule: its rule.
        script: file name of the rule's script.
        threads: that it may use.
        log: its log file.
        benchmark: where Snakemake notes what the job takes; None where it does not.
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
        """All files that it reads."""
        return list(Named(self.input))

    @property
    def outputs(self) -> list[str]:
        """All files and folders that it makes."""
        return list(Named(self.output))


class Named:
    """Values by name, as a script reads them of ``snakemake``: as attributes, by name, or one after the other."""

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
        """Return a value, or another where there is none of this name."""
        return self._values.get(name, default)

    def items(self) -> Any:
        """Return names and values."""
        return self._values.items()


class _Given:
    """What a script finds as ``snakemake``."""

    def __init__(self, job: RuleJob) -> None:
        self.rule, self.threads, self.log = job.rule, job.threads, [job.log]
        self.wildcards, self.params = Named(job.wildcards), Named(job.params)
        self.input, self.output = Named(job.input), Named(job.output)


@dataclass(frozen=True)
class Ended:
    """What a job took.

    Attributes:
        seconds: with loading, preparing and writing.
        peak_bytes: of the GPU's memory; None on a processor.
    """

    rule: str
    method: str
    seconds: float
    peak_bytes: int | None


def run_job(job: RuleJob) -> Ended:
    """Run a job's script in this process; paths count from the working directory."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    begun = time.monotonic()
    runpy.run_path(str(_SCRIPTS / job.script), init_globals={"snakemake": _Given(job)})
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return Ended(job.rule, job.wildcards.get("method", ""), time.monotonic() - begun, peak)


def main(arguments: list[str]) -> None:
    """Run the jobs of a file, one after the other, and print a line of JSON for each when it has ended."""
    for values in json.loads(Path(arguments[0]).read_text(encoding="utf-8")):
        print(json.dumps(asdict(run_job(RuleJob(**values)))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
