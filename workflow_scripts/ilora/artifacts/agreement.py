"""Comparison of an artifact's recorded settings and inputs with the current ones.

Snakemake keeps its own metadata in the folder where it runs. It is missing after results are copied, and does not cover
runs in other folders. The record beside an artifact moves with the artifact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from ilora.artifacts.provenance import as_json
from ilora.artifacts.records import Record, read_record, recorded_artifact

#: The parameter of a rule with the code version; see `ilora.code_version`.
CODE = "code"
#: The name of a change in the input files of an artifact.
INPUT = "input"


@dataclass(frozen=True)
class Change:
    """A setting or input file that has changed.

    Attributes:
        name: name of the setting, or `INPUT`.
        recorded: recorded value; None if there was none.
        now: current value; None if there is none.
    """

    name: str
    recorded: Any
    now: Any

    def __str__(self) -> str:
        """Return both values for display."""
        return f"{self.name}: made with {_shown(self.recorded)}, now {_shown(self.now)}"


@dataclass(frozen=True)
class Recipe:
    """The settings and inputs with which a job would make its artifacts now.

    Attributes:
        wildcards: wildcard values, by name.
        params: the rule's parameters as JSON values, by name.
        inputs: paths of the files and folders on which the artifacts depend.
    """

    wildcards: Mapping[str, str]
    params: Mapping[str, Any]
    inputs: tuple[str, ...]


def recipe_of(job: Any) -> Recipe:
    """Return the recipe of a job in Snakemake's plan, without inputs marked as `ancient`.

    Raises:
        TypeError: a parameter is not a JSON value.
    """
    inputs = tuple(str(path) for path in job.input if not getattr(path, "flags", {}).get("ancient"))
    return Recipe(dict(job.wildcards.items()), as_json(dict(job.params.items())), inputs)


def record_of(output: str | Path) -> Record | None:
    """Return the provenance record of a job's output, or None if there is none.

    An output is an artifact, or a file in a recorded folder. Records of earlier versions, which lack parameters, do not
    count.

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
    """Return the differences between the record of an artifact and the current recipe.

    Paths below the results folder are compared relative to it, so moved results match. If the artifact was accepted for
    another code version, that version is compared.
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
    """Return the recorded inputs whose own records show different content from what the artifact was made from.

    Inputs without a record, and those that have been moved, are skipped.

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
    """Return the former and the current root folder of an artifact, without the common end of its paths."""
    old, new = PurePath(recorded), PurePath(now)
    while old.name and old.name == new.name:
        old, new = old.parent, new.parent
    return old, new


def _from(root: PurePath, value: Any) -> Any:
    """Return a value in which paths below a folder are relative to it."""
    if isinstance(value, Mapping):
        return {key: _from(root, entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_from(root, entry) for entry in value]
    if isinstance(value, str) and root.name and PurePath(value).is_relative_to(root):
        return str(PurePath(value).relative_to(root))
    return value


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
