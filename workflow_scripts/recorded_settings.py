"""Make Snakemake plan by the records beside artifacts, which move with the artifacts.

Snakemake keeps its own metadata in the folder where it runs. It is missing after results are copied, and covers only
the last run of this folder if several folders share their results. It also has values of parameters without their
names.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from snakemake.persistence import ParamsChange
from snakemake.persistence.file import FilePersistence

from ilora.artifacts.agreement import INPUT, Change, changes, other_inputs, recipe_of, record_of
from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.records import Record

_SHOWN = 20


class RecordedSettingsError(Exception):
    """Artifacts of a finished run do not match its settings."""


class RecordedPersistence(FilePersistence):
    """Snakemake's metadata, replaced by provenance records for jobs whose artifacts have them."""

    @functools.cache  # noqa: B019 -- there is one object per process, and Snakemake caches results per job too
    def _changes(self, job: Any) -> list[Change] | None:
        """Return the differences between a job's records and its current recipe; None if it has no records."""
        records = records_of(job)
        return changes_of(job, records) if records else None

    def has_metadata(self, job: Any) -> bool:
        """Return whether the provenance of all of a job's files is known."""
        return self._changes(job) is not None or super().has_metadata(job)

    def params_changed(self, job: Any, file: Any = None) -> Any:
        """Return the parameters that have changed since a job's files were made."""
        changed = self._changes(job)
        if changed is None:
            return super().params_changed(job, file)
        found = [change for change in changed if change.name != INPUT]
        return ParamsChange(
            only_old={f"{change.name}={change.recorded}" for change in found},
            only_new={f"{change.name}={change.now}" for change in found},
            files=set(job.output if found else ()),
        )

    def _input_changed(self, job: Any, file: Any = None) -> bool:
        changed = self._changes(job)
        if changed is None:
            return bool(super()._input_changed(job, file))
        return any(change.name == INPUT for change in changed)


def consult_records() -> None:
    """Make Snakemake use provenance records in this process from now on."""
    from snakemake import workflow  # can only be imported after `snakemake.api`

    workflow.FilePersistence = RecordedPersistence


def records_of(job: Any) -> list[Record]:
    """Return the distinct records of a job's files; files without a record are treated like the others.

    A damaged record is ignored here; the job that reads the artifact reports it.
    """
    found: dict[Any, Record] = {}
    for path in job.output:
        try:
            record = record_of(path)
        except ArtifactError:
            continue
        if record is not None:
            found[record.artifact] = record
    return list(found.values())


def changes_of(job: Any, records: Iterable[Record]) -> list[Change]:
    """Return the distinct differences between a job's records and its current recipe."""
    recipe = recipe_of(job)
    return list({str(change): change for record in records for change in changes(record, recipe)}.values())


def check_finished_run(jobs: Iterable[Any]) -> None:
    """Check that all artifacts of a finished run match its settings and each other.

    Another run, from another folder or machine, may have recreated some of them in the meantime.

    Args:
        jobs: all jobs of the run, including those with nothing to do.

    Raises:
        RecordedSettingsError: an artifact was made with other settings, by other code, or from other files.
    """
    found = []
    for job in jobs:
        records = records_of(job)
        for change in changes_of(job, records) if records else ():
            found.append(f"{job.output[0]}: {change}")
        for record in records:
            found += [f"{record.artifact}: made from another version of {path}" for path in other_inputs(record)]
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise RecordedSettingsError(
            "the artifacts of this run are not consistent; did another run write to the same results?\n  "
            + "\n  ".join([*found[:_SHOWN], *more])
            + "\nIts tables and figures may mix settings. Run again, without another run at the same time."
        )
