"""Time and memory of a study's jobs, from Snakemake's benchmark files."""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilora.plotting.html_page import html_table

_HOUR = 3600
_HEADERS = ("Rule", "Jobs", "Time", "Longest job", "Processor time", "Peak memory", "GPU-hours")
_NOTHING = "–"
_OF_GPUS = ("gpu", "gres", "nodes", "slurm_extra")
_PER_NODE = re.compile(r"--gpus-per-node[= ](\S+)")


@dataclass(frozen=True)
class JobCost:
    """Cost of one job; None is what Snakemake could not measure, for example of very short jobs.

    Attributes:
        rule: rule of the job.
        gpus: number of requested GPUs.
        seconds: wall-clock time; None if there is no measurement.
        processor_seconds: processor time of all its processes.
        peak_megabytes: peak resident memory of its processes together.
    """

    rule: str
    gpus: int
    seconds: float | None = None
    processor_seconds: float | None = None
    peak_megabytes: float | None = None


def jobs_behind(results: Iterable[str], rules: Iterable[Any]) -> list[tuple[str, int, str]]:
    """Return rule, GPUs and benchmark file of every job that makes one of the results.

    Args:
        results: paths of results.
        rules: Snakemake's `workflow.rules`.
    """
    jobs = {}
    # Comparing prefixes avoids most of the matching.
    outputs = [(output.constant_prefix(), output, rule) for rule in rules if rule.benchmark for output in rule.output]
    for path in results:
        for beginning, output, rule in outputs:
            if path.startswith(beginning) and output.match(path):
                benchmark = str(rule.benchmark.apply_wildcards(rule.get_wildcards(path)))
                asked = {name: _value(rule.resources[name]) for name in _OF_GPUS if name in rule.resources}
                jobs[benchmark] = (rule.name, gpus_of(asked), benchmark)
    return list(jobs.values())


def _value(resource: Any) -> Any:
    """Return the value of a rule's resource, or the text of an expression from a profile or the command line."""
    return resource.raw if resource.is_evaluable() else resource.value


def gpus_of(resources: Mapping[str, Any]) -> int:
    """Return the number of GPUs that a job requests, over all its nodes.

    Args:
        resources: resources by name. If `gpu` is 0 or missing, a profile may request GPUs from Slurm by `gres` or, in
            `slurm_extra`, by `--gpus-per-node`; both are numbers for each node.
    """
    gpus = _whole_number(resources.get("gpu"))
    if gpus:
        return gpus
    option = _PER_NODE.search(str(resources.get("slurm_extra") or ""))
    kind, *rest = str(resources.get("gres") or (f"gpu:{option[1]}" if option else "")).split(":")
    if kind != "gpu":
        return 0
    of_a_node = int(rest[-1]) if rest and rest[-1].isdigit() else 1
    return of_a_node * (_whole_number(resources.get("nodes")) or 1)


def _whole_number(value: Any) -> int:
    """Return a whole number; 0 if it is missing, or an expression that only a job can evaluate."""
    return int(value) if str(value).isdecimal() else 0


def read_job_cost(rule: str, gpus: int, path: str | os.PathLike[str]) -> JobCost:
    """Return the cost of a job from its benchmark file, which may be missing.

    Args:
        rule: rule of the job.
        gpus: number of requested GPUs.
        path: path of the tab-separated file, with a header and a row of values.

    Raises:
        ValueError: if the file has no row, or no column of seconds.
    """
    path = Path(path)
    if not path.is_file():
        return JobCost(rule, gpus)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if not rows or "s" not in rows[0]:
        raise ValueError(
            f"{path}: expected a row of measurements with a column 's', as Snakemake writes it. "
            "Delete the file: its job then counts as not measured."
        )
    return JobCost(
        rule,
        gpus,
        _measured(rows[0]["s"]),
        _measured(rows[0].get("cpu_time")),
        _measured(rows[0].get("max_rss")),
    )


def cost_table(jobs: Sequence[JobCost]) -> str:
    """Return the costs of each rule, in the order of the jobs, and their sum as an HTML table."""
    rules = dict.fromkeys(job.rule for job in jobs)
    rows = [_row(rule, [job for job in jobs if job.rule == rule]) for rule in rules]
    return html_table(_HEADERS, [*rows, _row("all", jobs)])


def _row(name: str, jobs: Sequence[JobCost]) -> tuple[str, ...]:
    times = [(job.seconds, job.gpus) for job in jobs if job.seconds is not None]
    unmeasured = len(jobs) - len(times)
    gpu_hours = sum(seconds * gpus for seconds, gpus in times) / _HOUR
    return (
        name,
        f"{len(jobs)} ({unmeasured} not measured)" if unmeasured else str(len(jobs)),
        _sum_of_durations(job.seconds for job in jobs),
        _duration(max(times)[0]) if times else _NOTHING,
        _sum_of_durations(job.processor_seconds for job in jobs),
        _peak(job.peak_megabytes for job in jobs),
        f"{gpu_hours:.2f}" if gpu_hours else _NOTHING,
    )


def _measured(value: str | None) -> float | None:
    """Return a number of a benchmark file; Snakemake writes "NA" or "-" if it could not measure it."""
    return None if value is None or value in ("", "NA", "-") else float(value)


def _sum_of_durations(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return _duration(sum(known)) if known else _NOTHING


def _peak(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):,.0f} MB" if known else _NOTHING


def _duration(seconds: float) -> str:
    """Return seconds below a minute, minutes and seconds below an hour, else hours, minutes and seconds."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
