"""Whether an artifact was made with the settings, and from the files, with which it would be made now.

Snakemake keeps notes of its own, in the folder where it runs. They are missing where results were copied, and say
nothing of what a run in another folder has made since. The record beside an artifact goes where the artifact goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from ilora.artifacts.provenance import as_json
from ilora.artifacts.records import Record, read_record, recorded_artifact

#: The parameter of a rule that has the version of the code; see `ilora.code_version`.
CODE = "code"
#: The name of a change of the files from which an artifact is made.
INPUT = "input"


@dataclass(frozen=True)
class Change:
    """A setting, or a file, that is another now.

    Attributes:
        name: of the setting, or `INPUT`.
        recorded: the value on record; None where there was none.
        now: the value of now; None where there is none.
    """

    name: str
    recorded: Any
    now: Any

    def __str__(self) -> str:
        """Return both values, to be shown."""
        return f"{self.name}: made with {_shown(self.recorded)}, now {_shown(self.now)}"


@dataclass(frozen=True)
class Recipe:
    """With what a job would make its artifacts now.

    Attributes:
        wildcards: their values, by name.
        params: the rule's parameters, by name, as JSON has them.
        inputs: paths of the files and folders on which its artifacts depend.
    """

    wildcards: Mapping[str, str]
    params: Mapping[str, Any]
    inputs: tuple[str, ...]


def recipe_of(job: Any) -> Recipe:
    """Return with what a job of Snakemake's plan would make its artifacts now, without the inputs that are `ancient`.

    Raises:
        TypeError: a parameter is of a kind that JSON does not have.
    """
    inputs = tuple(str(path) for path in job.input if not getattr(path, "flags", {}).get("ancient"))
    return Recipe(dict(job.wildcards.items()), as_json(dict(job.params.items())), inputs)


def record_of(output: str | Path) -> Record | None:
    """Return the record that tells how a job's output was made, or None where there is none.

    An output is an artifact, or a file of a recorded folder. Records of earlier versions tell no parameters.

    Raises:
        ArtifactError: the record is damaged.
    """
    output = Path(output)
    artifact = recorded_artifact(output)
    if artifact is None:
        return None
    record = read_record(artifact)
    is_of_it = artifact == output or output in record.files
    return record if is_of_it and "params" in record.content else None


def changes(record: Record, recipe: Recipe) -> list[Change]:
    """Return in what the record of an artifact differs from how a job would make it now.

    Paths below the folder of the results count from there, so that moved results agree. Code counts as that for which
    the artifact was accepted, if it was.
    """
    before, after = _roots(str(record.content["artifact"]["path"]), str(record.artifact))
    recorded = _from(before, {**record.content["params"], **_code_of(record)})
    found = [
        *_differences(record.content["wildcards"], recipe.wildcards),
        *_differences(recorded, _from(after, recipe.params)),
    ]
    old = {_from(before, path) for path in record.inputs}
    new = {_from(after, path) for path in recipe.inputs}
    found += [Change(INPUT, path, None) for path in sorted(old - new)]
    found += [Change(INPUT, None, path) for path in sorted(new - old)]
    return found


def other_inputs(record: Record) -> list[str]:
    """Return the recorded inputs whose own records tell of other content than the artifact was made from.

    Inputs without a record, and those that lie elsewhere now, are passed over.

    Raises:
        ArtifactError: a record is damaged.
    """
    return [path for path, digest in record.inputs.items() if _recorded_digest(path) not in (None, digest)]


def _recorded_digest(path: str) -> str | None:
    artifact = recorded_artifact(Path(path))
    if artifact is None:
        return None
    record = read_record(artifact)
    if artifact == Path(path):
        return str(record.content["artifact"]["sha256"])
    return record.files.get(Path(path))


def _code_of(record: Record) -> dict[str, str]:
    accepted = record.content.get("accepted", [])
    return {CODE: accepted[-1]["for"]} if accepted else {}


def _differences(recorded: Mapping[str, Any], now: Mapping[str, Any], name: str = "") -> Iterable[Change]:
    for key in [*recorded, *(key for key in now if key not in recorded)]:
        old, new = recorded.get(key), now.get(key)
        path = f"{name}.{key}" if name else key
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, path)
        elif old != new or (key in recorded) != (key in now):
            yield Change(path, old, new)


def _roots(recorded: str, now: str) -> tuple[PurePath, PurePath]:
    """Return the folders in which an artifact lay and lies, without the part of its path that is the same."""
    old, new = PurePath(recorded), PurePath(now)
    while old.name and old.name == new.name:
        old, new = old.parent, new.parent
    return old, new


def _from(root: PurePath, value: Any) -> Any:
    """Return a value with paths below a folder as seen from there."""
    if isinstance(value, Mapping):
        return {key: _from(root, entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_from(root, entry) for entry in value]
    if isinstance(value, str) and root.name and PurePath(value).is_relative_to(root):
        return str(PurePath(value).relative_to(root))
    return value


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
