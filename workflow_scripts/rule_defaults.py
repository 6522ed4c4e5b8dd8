"""Defaults of rules: log, benchmark, memory and time.

Snakemake has no defaults that belong to a workflow: its default resources come from a profile or the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from snakemake.io import strip_wildcard_constraints
from snakemake.resources import Resources
from snakemake.rules import Rule


def set_resources(workflow: Any, resources: Mapping[str, Callable[..., int]]) -> None:
    """Set default resources for all rules that are read later."""
    workflow.resource_settings._parsed_default_resources.update(Resources.from_mapping(resources))


def set_logs(rules: Iterable[Rule], results: str, logs: str, benchmarks: str) -> None:
    """Give every rule with output a log and a benchmark, named after a path of its output.

    Args:
        rules: rules that have been read.
        results: folder of the results.
        logs: folder of the logs.
        benchmarks: folder of the benchmarks.
    """
    for rule in rules:
        if not rule.norun and rule.output:
            name = "/".join([rule.name, *job_name(str(rule.output[0]), results)])
            # The prefix that a module puts before paths of the output.
            rule.log_modifier = rule.benchmark_modifier = rule.output_modifier
            if not rule.log:
                rule.set_log(f"{logs}/{name}.log")
            if rule.benchmark is None:
                rule.benchmark = f"{benchmarks}/{name}.tsv"


def job_name(output: str, results: str) -> list[str]:
    """Return the parts of a path below the results that distinguish a rule's jobs: up to the last wildcard.

    For ``results/data/{dataset}/{protocol}/items.parquet`` they are ``{dataset}`` and ``{protocol}``.
    """
    below = PurePath(strip_wildcard_constraints(output)).relative_to(results)
    parts = [*below.parts[:-1], below.stem]
    places = [place for place, part in enumerate(parts) if "{" in part]
    if not places:
        return []
    # The first part is the stage, which all jobs share.
    return parts[min(places[0], 1) : places[-1] + 1]
