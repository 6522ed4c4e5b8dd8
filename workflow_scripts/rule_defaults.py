"""What a rule has that does not name it itself: a log, a benchmark, memory and time.

Snakemake has no such defaults of a workflow's own: its default resources are those of a profile or the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from snakemake.io import strip_wildcard_constraints
from snakemake.resources import Resources
from snakemake.rules import Rule


def set_resources(workflow: Any, resources: Mapping[str, Callable[..., int]]) -> None:
    """Give every rule that is read after this the resources that it does not name itself."""
    workflow.resource_settings._parsed_default_resources.update(Resources.from_mapping(resources))


def set_logs(rules: Iterable[Rule], results: str, logs: str, benchmarks: str) -> None:
    """Give every rule that makes something a log and a benchmark, which a path of its output names.

    Args:
        rules: that have been read.
        results: the folder of what is made.
        logs: the folder of logs.
        benchmarks: the folder of benchmarks.
    """
    for rule in rules:
        if not rule.norun and rule.output:
            name = "/".join([rule.name, *job_name(str(rule.output[0]), results)])
            # What a module would put before paths, as it does before those of the output.
            rule.log_modifier = rule.benchmark_modifier = rule.output_modifier
            if not rule.log:
                rule.set_log(f"{logs}/{name}.log")
            if rule.benchmark is None:
                rule.benchmark = f"{benchmarks}/{name}.tsv"


def job_name(output: str, results: str) -> list[str]:
    """Return the parts of a path below the results that tell a rule's jobs apart: up to the last with a wildcard.

    Of ``results/data/{dataset}/{protocol}/items.parquet`` they are ``{dataset}`` and ``{protocol}``.
    """
    below = PurePath(strip_wildcard_constraints(output)).relative_to(results)
    parts = [*below.parts[:-1], below.stem]
    places = [place for place, part in enumerate(parts) if "{" in part]
    if not places:
        return []
    # The first part is the stage, which is the same for all of them.
    return parts[min(places[0], 1) : places[-1] + 1]
