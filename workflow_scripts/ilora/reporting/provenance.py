"""Code, software and machines of a study's artifacts, by their records."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ilora.plotting.html_page import html_table

Record = Mapping[str, Any]

_NOT_RECORDED = "not recorded"


def read_records(paths: Iterable[str | os.PathLike[str]]) -> list[Record]:
    """Return the record of each artifact or of its folder; artifacts may lack one.

    Args:
        paths: paths of artifacts that `ilora.artifacts.provenance` may have recorded.

    Raises:
        ValueError: if a record is no JSON object; the message names the file.
    """
    places = {place for path in map(Path, paths) for place in (path, path.parent)}
    sidecars = sorted(place.with_name(f"{place.name}.provenance.json") for place in places)
    return [_read(sidecar) for sidecar in sidecars if sidecar.is_file()]


def provenance_table(records: Sequence[Record]) -> str:
    """Return code, software and machines as an HTML table, with the number of artifacts for each value.

    A property has several rows if artifacts were made by several versions or on several machines.
    """
    found: dict[str, Counter[str]] = {}
    for record in records:
        for name, value in _properties(record):
            found.setdefault(name, Counter())[value] += 1
    rows = [
        (name, value, f"{count} of {len(records)}")
        for name, values in found.items()
        for value, count in sorted(values.items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    return html_table(("Property", "Value", "Artifacts"), rows)


def _read(sidecar: Path) -> Record:
    try:
        record = json.loads(sidecar.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{sidecar}: no JSON ({error}). Delete it and its artifact, then run the study.") from error
    if not isinstance(record, dict):
        raise ValueError(f"{sidecar}: found {type(record).__name__}, expected an object that records an artifact.")
    return record


def _properties(record: Record) -> Iterator[tuple[str, str]]:
    machine = record.get("machine", {})
    yield "Code: git revision", record["git_revision"] or "not in a git checkout"
    yield "Processor", str(machine.get("processor", _NOT_RECORDED))
    yield "Cores of the machine", str(machine.get("cores", _NOT_RECORDED))
    yield "Memory of the machine", str(machine.get("memory", _NOT_RECORDED))
    yield "Graphics processors", "; ".join(machine["gpus"]) or "none" if "gpus" in machine else _NOT_RECORDED
    yield "System", record["platform"]
    yield "Python", record["python"]
    yield from sorted(record["packages"].items())
