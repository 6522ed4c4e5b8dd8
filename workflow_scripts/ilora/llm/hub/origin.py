"""The settings and inputs that an adapter was tuned with, from its provenance, for use outside a study."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.records import read_record
from ilora.artifacts.writing import record_path


@dataclass(frozen=True)
class Origin:
    """The contents of an adapter's ``.provenance.json``.

    Attributes:
        adapter: the adapter's folder.
        root: folder that the recorded paths are relative to.
        config: settings that the adapter was tuned with.
        inputs: sha256 of each input file, by recorded path.
    """

    adapter: Path
    root: Path
    config: dict[str, Any]
    inputs: Mapping[str, str]

    def find(self, name: str) -> Path | None:
        """Return the input with this file name, or None if the adapter was tuned without one.

        Raises:
            ArtifactError: if the file is missing, or is not the one that the adapter was tuned with.
        """
        found = [recorded for recorded in self.inputs if Path(recorded).name == name]
        return self._verified(found[0]) if found else None

    def backbone_folder(self, name: str) -> str:
        """Return the backbone's location: a recorded folder, after verifying each file, or its name on the hub."""
        files = [recorded for recorded in self.inputs if Path(recorded).parent.as_posix() == Path(name).as_posix()]
        for recorded in files:
            self._verified(recorded)
        return str(self.root / name) if files else name

    def _verified(self, recorded: str) -> Path:
        path = self.root / recorded
        if not path.exists():
            raise ArtifactError(f"{path}: not found, and {self.adapter} was tuned with it; run the workflow again")
        if sha256_of(path) != self.inputs[recorded]:
            raise ArtifactError(f"{path}: is not the file that {self.adapter} was tuned with; run the workflow again")
        return path


def read_origin(adapter: Path) -> Origin:
    """Read the provenance next to an adapter's folder.

    Raises:
        FileNotFoundError: there is no such file.
        ArtifactError: it is damaged, does not belong to an adapter, or is from an earlier version of the workflow.
    """
    sidecar = record_path(adapter)
    if not sidecar.is_file():
        raise FileNotFoundError(
            f"{sidecar}: not found, expected the adapter's provenance. Name a folder of the workflow, such "
            "as results/finetune/movielens/random_users/embedded/ilora/default/seed~1/adapter"
        )
    record = read_record(adapter)
    if not {"kind", "wording", "prompt"} <= set(record.content.get("config", {})):
        raise ArtifactError(f"{sidecar}: found no settings of a method; run the workflow again")
    recorded, here = Path(record.content["artifact"]["path"]).parts, adapter.resolve()
    root = Path(*here.parts[: -len(recorded)]) if here.parts[-len(recorded) :] == recorded else Path()
    return Origin(adapter, root, record.content["config"], record.inputs)
