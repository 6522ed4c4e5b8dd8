"""Keep results of an earlier code version, if a person confirms that the current code would give the same results.

After a module is split or renamed, Snakemake would rerun every job that uses it. ``ilora accept --reason "..."`` checks
each job that would run, and keeps its results if only the code version differs: the settings and inputs match the
record, and the files and their inputs have the recorded SHA-256. Each record then lists under ``accepted`` the code
version that made the artifact, the version for which it was accepted, the time and the reason.
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

#: The file whose time Snakemake uses as the time of a folder.
_TIMESTAMP = ".snakemake_timestamp"


@dataclass(frozen=True)
class Verdict:
    """Decision whether to keep the results of a job.

    Attributes:
        job: rule and wildcards of the job, for display.
        outputs: files and folders that the job made.
        records: outputs that have a record.
        code: the code versions that made the results and that would make them now; equal if only an earlier job is
            accepted.
        refusal: why the job runs again; None if its results are kept.
    """

    job: str
    outputs: tuple[Path, ...]
    records: tuple[Path, ...] = ()
    code: tuple[str, str] = ("", "")
    refusal: str | None = None


class Refused(Exception):
    """An artifact is not kept; the message is the reason."""


def code_change(record: Record, recipe: Recipe) -> tuple[str, str]:
    """Return the code versions that made an artifact and that would make it now.

    Raises:
        Refused: something other than the code differs.
    """
    found = {change.name: change for change in changes(record, recipe)}
    code = found.pop(CODE, Change(CODE, recipe.params[CODE], recipe.params[CODE]))
    if found:
        raise Refused("; ".join(map(str, found.values())))
    return code.recorded, code.now


def records_of(outputs: Iterable[Path]) -> list[Record]:
    """Return the distinct records of a job's outputs, after verifying the recorded files.

    Outputs without a record, such as the drawings beside a figure's table, are treated like the others.

    Raises:
        Refused: no output has a record, an output is missing, or a file has changed or was made from other inputs than
            the current ones.
    """
    records: dict[Path, Record] = {}
    for path in outputs:
        if not path.exists():
            raise Refused(f"{path} does not exist")
        try:
            record = record_of(path)
        except ArtifactError as error:
            raise Refused(str(error)) from error
        if record is not None:
            records[record.artifact] = record
    if not records:
        raise Refused("none of its files has a provenance record")
    for artifact, record in records.items():
        try:
            (check_folder if artifact.is_dir() else check_file)(artifact)
        except ArtifactError as error:
            raise Refused(str(error)) from error
        for source, digest in record.inputs.items():
            if not Path(source).exists() or _digest(Path(source)) != digest:
                raise Refused(f"{artifact} was made from another version of {source}")
    return list(records.values())


@functools.cache  # all runs on a data set share its files
def _digest(path: Path) -> str:
    return sha256_of(path)


def accept(record: Path, code: tuple[str, str], reason: str) -> None:
    """Add to an artifact's record that it is accepted for another code version.

    Args:
        record: path of the artifact.
        code: the code version that made it, and the version for which it is accepted.
        reason: why the two versions give the same results.
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
    """Return a verdict on each job with outputs that Snakemake would run, in topological order."""
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
                raise Refused(f"depends on {again[0]}, which runs again")
            verdicts[job] = Verdict(name, outputs, tuple(record.artifact for record in records), code)
        except Refused as refusal:
            verdicts[job] = Verdict(name, outputs, refusal=str(refusal))
    return list(verdicts.values())


def main(arguments: Sequence[str]) -> int:
    """Keep results of an earlier code version; return the exit status, which is 1 if some jobs run again."""
    parser = argparse.ArgumentParser(
        prog="ilora accept",
        description="Keep results of an earlier code version. All other arguments, such as targets and --configfile, "
        "are passed to Snakemake.",
        epilog=example("accept"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--reason", required=True, help="why the current code would give the same results; recorded")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be kept, and change nothing")
    ours, others = parser.parse_known_args(arguments)
    if not ours.reason.strip():
        parser.error("--reason is empty: state why the current code would give the same results")

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
    """Set the modification times of outputs to now, so that they are newer than their verified inputs."""
    for path in outputs:
        stamp = path / _TIMESTAMP
        os.utime(stamp if stamp.exists() else path)


def plan_study(arguments: Sequence[str]) -> Any:
    """Plan a study with arguments for the snakemake command, without running it; return Snakemake's workflow."""
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
    # Snakemake's report of what it would do does not apply here, so only errors are shown.
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
