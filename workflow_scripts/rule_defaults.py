"""Defaults of rules: log, benchmark, memory and time.

Snakemake has no defaults per workflow: its default resources come from a profile or the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from snakemake.io import strip_wildcard_constraints
from snakemake.resources import Resources
from snakemake.rules import Rule


def set_resources(workflow: Any, resources: Mapping[str, Callable[..., int]]) -> None:
    """Set default resources for all rules that are parsed after this call."""
    workflow.resource_settings._parsed_default_resources.update(Resources.from_mapping(resources))


def set_logs(rules: Iterable[Rule], results: str, logs: str, benchmarks: str) -> None:
    """Set a log and a benchmark for every rule with outputs, named after the first output.

    Args:
        rules: parsed rules.
        results: results folder.
        logs: folder of logs.
        benchmarks: folder of benchmarks.
    """
    for rule in rules:
        if not rule.norun and rule.output:
            name = "/".join([rule.name, *job_name(str(rule.output[0]), results)])
            # A module prefixes these paths like those of the outputs.
            rule.log_modifier = rule.benchmark_modifier = rule.output_modifier
            if not rule.log:
                rule.set_log(f"{logs}/{name}.log")
            if rule.benchmark is None:
                rule.benchmark = f"{benchmarks}/{name}.tsv"


def job_name(output: str, results: str) -> list[str]:
    """Return the parts of a path below the results that distinguish a rule's jobs, up to the last with a wildcard.

    For ``results/data/{dataset}/{protocol}/items.parquet`` these are ``{dataset}`` and ``{protocol}``.
    """
    below = PurePath(strip_wildcard_constraints(output)).relative_to(results)
    parts = [*below.parts[:-1], below.stem]
    places = [place for place, part in enumerate(parts) if "{" in part]
    if not places:
        return []
    # The first part is the stage, which is the same for all jobs.
    return parts[min(places[0], 1) : places[-1] + 1]
