"""Keeps what was made by other code, where someone vouches that the code of now would make the same.

After a module was split or renamed, Snakemake would make again whatever used it. ``ilora accept --reason "..."`` looks
at each job that would run, and keeps what it made when nothing but the version of its code differs: its settings and
inputs are those on record, and its files and those it was made from have the recorded sha256. Each record then says
under ``accepted`` which code made the artifact, for which it was accepted, when, and why.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ilora.artifacts.agreement import CODE, Change, Recipe, changes, recipe_of, record_of
from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import git_revision, sha256_of
from ilora.artifacts.records import Record, check_file, check_folder, read_record
from ilora.artifacts.writing import atomic_path, record_path
from ilora.cli import example

#: The file whose time counts as that of a folder, as Snakemake has it.
_TIMESTAMP = ".snakemake_timestamp"


@dataclass(frozen=True)
class Verdict:
    """What is to become of what a job made.

    Attributes:
        job: its rule and wildcards, to be shown.
        outputs: the files and folders that it made.
        records: those with a record.
        code: the versions of the code that made it and that would make it now; both are the same where only a job
            before it is accepted.
        refusal: why it is made again; None when it is kept.
    """

    job: str
    outputs: tuple[Path, ...]
    records: tuple[Path, ...] = ()
    code: tuple[str, str] = ("", "")
    refusal: str | None = None


class Refused(Exception):
    """Why an artifact is not kept."""


def code_change(record: Record, recipe: Recipe) -> tuple[str, str]:
    """Return the versions of the code that made an artifact and that would make it now, if all else is the same.

    Raises:
        Refused: something else differs.
    """
    found = {change.name: change for change in changes(record, recipe)}
    code = found.pop(CODE, Change(CODE, recipe.params[CODE], recipe.params[CODE]))
    if found:
        raise Refused("; ".join(map(str, found.values())))
    return code.recorded, code.now


def records_of(outputs: Iterable[Path]) -> list[Record]:
    """Return the records of a job's outputs, each once, and checked against the files that they tell of.

    Outputs without one, such as the drawings beside a figure's table, go with the others.

    Raises:
        Refused: nothing has a record, an output is missing, or a file is not the one that was written or not
            made from what is there now.
    """
    records: dict[Path, Record] = {}
    for path in outputs:
        if not path.exists():
            raise Refused(f"{path} is not there")
        try:
            record = record_of(path)
        except ArtifactError as error:
            raise Refused(str(error)) from error
        if record is not None:
            records[record.artifact] = record
    if not records:
        raise Refused("none of its files has a record that says how it was made")
    for artifact, record in records.items():
        try:
            (check_folder if artifact.is_dir() else check_file)(artifact)
        except ArtifactError as error:
            raise Refused(str(error)) from error
        for source, digest in record.inputs.items():
            if not Path(source).exists() or _digest(Path(source)) != digest:
                raise Refused(f"{artifact} was made from another {source}")
    return list(records.values())


@functools.cache  # all runs of a data set were made from the same files
def _digest(path: Path) -> str:
    return sha256_of(path)


def accept(record: Path, code: tuple[str, str], reason: str) -> None:
    """Add to an artifact's record that it counts as made by other code than made it.

    Args:
        record: the artifact.
        code: the versions of the code that made it, and of that for which it is accepted.
        reason: why the two make the same.
    """
    content = dict(read_record(record).content)
    entry = {
        "code": code[0],
        "for": code[1],
        "git_revision": git_revision(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "reason": reason,
    }
    content["accepted"] = [*content.get("accepted", []), entry]
    with atomic_path(record_path(record)) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def judge(workflow: Any) -> list[Verdict]:
    """Return a verdict on each job that Snakemake would run and that makes something, those before others first."""
    dag = workflow.dag
    verdicts: dict[Any, Verdict] = {}
    for job in (job for level in dag.toposorted() for job in level):
        if not dag.needrun(job) or not job.output:
            continue
        name = " ".join([job.rule.name, *(str(value) for value in job.wildcards)])
        outputs = tuple(Path(path) for path in job.output)
        before = [verdicts[other] for other in dag.dependencies[job] if other in verdicts]
        try:
            records = records_of(outputs)
            recipe = recipe_of(job)
            (code, *others) = {code_change(record, recipe) for record in records}
            if others:
                raise Refused("its files were made by different code")
            again = [verdict.job for verdict in before if verdict.refusal is not None]
            if again:
                raise Refused(f"made from what is made again by {again[0]}")
            verdicts[job] = Verdict(name, outputs, tuple(record.artifact for record in records), code)
        except Refused as refusal:
            verdicts[job] = Verdict(name, outputs, refusal=str(refusal))
    return list(verdicts.values())


def main(arguments: Sequence[str]) -> int:
    """Keep what was made by other code; return an exit status, 1 when some of it is made again."""
    parser = argparse.ArgumentParser(
        prog="ilora accept",
        description="Keep what was made by other code. Every other argument goes to Snakemake: targets, --configfile.",
        epilog=example("accept"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--reason", required=True, help="why the code of now would make the same; it goes on record")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be kept, and change nothing")
    ours, others = parser.parse_known_args(arguments)
    if not ours.reason.strip():
        parser.error("--reason is empty: say why the code of now would make the same")

    verdicts = judge(plan_study(others))
    kept = [verdict for verdict in verdicts if verdict.refusal is None]
    refused = [verdict for verdict in verdicts if verdict.refusal is not None]
    for verdict in refused:
        print(f"made again: {verdict.job}: {verdict.refusal}", file=sys.stderr)
    if kept and not ours.dry_run:
        for verdict in kept:
            for artifact in verdict.records:
                if verdict.code[0] != verdict.code[1]:
                    accept(artifact, verdict.code, ours.reason)
            _touch(verdict.outputs)
    for verdict in kept:
        print(f"{'would be kept' if ours.dry_run else 'kept'}: {verdict.job}")
    return 1 if refused else 0


def _touch(outputs: Iterable[Path]) -> None:
    """Let what a job made count as newer than what it was made from, which has the recorded content."""
    for path in outputs:
        stamp = path / _TIMESTAMP
        os.utime(stamp if stamp.exists() else path)


def plan_study(arguments: Sequence[str]) -> Any:
    """Plan a study with the arguments of Snakemake's command, without running it; return Snakemake's workflow."""
    from snakemake.api import SnakemakeApi
    from snakemake.cli import parse_args, parse_config
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        ExecutionSettings,
        OutputSettings,
        ResourceSettings,
    )

    _, parsed = parse_args([*arguments, "--cores", "1"])
    # What Snakemake would do is not what is done here; its errors are shown.
    with SnakemakeApi(OutputSettings(dryrun=True, log_level_override=logging.ERROR)) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(
                config=parse_config(parsed.config), configfiles=parsed.configfile, config_args=parsed.config
            ),
            snakefile=parsed.snakefile,
            workdir=parsed.directory,
        )
        dag = workflow.dag(DAGSettings(targets=parsed.targets))
        dag.execute_workflow(executor="dryrun", execution_settings=ExecutionSettings(no_hooks=True))
        return workflow._workflow
