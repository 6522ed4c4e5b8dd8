"""The files of a tuned adapter that are published on the hub: its own files, unchanged, and nothing of the data set."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ilora.adapters.storage import CONFIG_FILE, LORA_FILE
from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.llm.model.adapter import PROJECTOR_FILE, SETTINGS_FILE

CARD_FILE = "README.md"

#: The files that may be uploaded, and their contents. None of them holds a title, an interaction, or the vector of an
#: item or user: what the prompts need of these stays with the workflow.
CONTENTS = {
    CARD_FILE: "the card: data, settings, metrics, licences",
    CONFIG_FILE: "settings of LoRA; of a gated one, some values of the base model to know it by",
    LORA_FILE: "weights of LoRA; of a gated one, of the gate too, and the mean and size of what it reads over the "
    "training split",
    PROJECTOR_FILE: "weights that make a behaviour token of any item's vector; the vectors are not in it",
    SETTINGS_FILE: "shape of the adapter",
}


@dataclass(frozen=True)
class PublishedFile:
    """A file to upload: its name in the folder, its size in bytes and a description of its content."""

    name: str
    size: int
    content: str


def finished_adapter(adapter: Path) -> list[PublishedFile]:
    """Return the files of an adapter's folder to upload, after checking that it is complete.

    Args:
        adapter: the folder, ``.../adapter``, with its provenance next to it.

    Raises:
        FileNotFoundError: the folder, its provenance or its card is missing.
        ArtifactError: a file was altered after tuning, is missing, or does not belong to an adapter.
    """
    if not adapter.is_dir():
        raise FileNotFoundError(f"{adapter}: no such folder, expected the folder of a tuned adapter, .../adapter")
    sidecar = adapter.with_name(f"{adapter.name}.provenance.json")
    if not sidecar.is_file():
        raise FileNotFoundError(
            f"{sidecar}: not found, expected the adapter's provenance. Name a folder of the workflow, such as "
            "results/finetune/movielens/random_users/embedded/ilora/default/seed~1/adapter"
        )
    names = sorted(path.relative_to(adapter).as_posix() for path in adapter.rglob("*") if not path.is_dir())
    foreign = [name for name in names if name not in CONTENTS]
    if foreign:
        raise ArtifactError(
            f"{adapter}: found {', '.join(foreign)}, which is not part of an adapter and may contain data that must "
            "not be published. Move it away, and push again."
        )
    if CARD_FILE not in names:
        raise FileNotFoundError(
            f"{adapter / CARD_FILE}: not found, expected the adapter's card. The rule describe_adapter writes it after "
            "the adapter has been evaluated: run the workflow to completion."
        )
    tuned = [name for name in names if name != CARD_FILE]
    if _digest(adapter, tuned) != json.loads(sidecar.read_text(encoding="utf-8"))["artifact"]["sha256"]:
        raise ArtifactError(
            f"{adapter}: its files ({', '.join(tuned)}) do not match the sha256 in {sidecar.name}: one is missing or "
            "was altered. Delete the folder and run the workflow again."
        )
    return [PublishedFile(name, (adapter / name).stat().st_size, CONTENTS[name]) for name in names]


def _digest(folder: Path, names: list[str]) -> str:
    """Return the digest of a folder that contains only these files."""
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            (Path(place) / name).symlink_to((folder / name).resolve())
        return sha256_of(place)
