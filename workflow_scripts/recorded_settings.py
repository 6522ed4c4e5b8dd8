"""Makes Snakemake plan by the records beside artifacts, which go where the artifacts go.

Snakemake's own notes lie in the folder where it runs. They are missing where results were copied, and are those of
this folder's last run where several folders share their results. They also know values of parameters, not names.
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
    """Artifacts of a finished run were not made with its settings."""


class RecordedPersistence(FilePersistence):
    """Snakemake's notes, but for jobs whose artifacts have records: those say how they were made."""

    @functools.cache  # noqa: B019 -- one for each process, as Snakemake caches what it asks of a job
    def _changes(self, job: Any) -> list[Change] | None:
        """Return in what a job's records differ from how it would make its files now; None where there are none."""
        records = records_of(job)
        return changes_of(job, records) if records else None

    def has_metadata(self, job: Any) -> bool:
        """Return whether it is known how all of a job's files were made."""
        return self._changes(job) is not None or super().has_metadata(job)

    def params_changed(self, job: Any, file: Any = None) -> Any:
        """Return which parameters differ from those with which a job's files were made."""
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
    """Let Snakemake ask the records of artifacts how they were made, from now on in this process."""
    from snakemake import workflow  # which can only be imported first through `snakemake.api`

    workflow.FilePersistence = RecordedPersistence


def records_of(job: Any) -> list[Record]:
    """Return the records of a job's files, each once; those without one go with the others.

    A damaged record counts as none: the job that reads the artifact names it.
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
    """Return in what a job's records differ from how it would make its files now, each difference once."""
    recipe = recipe_of(job)
    return list({str(change): change for record in records for change in changes(record, recipe)}.values())


def check_finished_run(jobs: Iterable[Any]) -> None:
    """Refuse to call a run finished whose artifacts were not all made with its settings, and from one another.

    Another run, from another folder or machine, may have made some of them anew in the meantime.

    Args:
        jobs: all of the run's, those that had nothing to do among them.

    Raises:
        RecordedSettingsError: an artifact was made with other settings, by other code, or from other files.
    """
    found = []
    for job in jobs:
        records = records_of(job)
        for change in changes_of(job, records) if records else ():
            found.append(f"{job.output[0]}: {change}")
        for record in records:
            found += [f"{record.artifact}: made from another {path} than there is now" for path in other_inputs(record)]
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise RecordedSettingsError(
            "what this run was to make does not belong together; was another run on the same results?\n  "
            + "\n  ".join([*found[:_SHOWN], *more])
            + "\nTables and figures of it may mix settings. Run again, with no other run beside it."
        )
