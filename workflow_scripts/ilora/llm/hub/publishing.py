"""What of a tuned adapter is put on the hub: its own files, as they were tuned, and nothing of the data set."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ilora.adapters.storage import CONFIG_FILE, LORA_FILE
from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.llm.model.adapter import PROJECTOR_FILE, SETTINGS_FILE

CARD_FILE = "README.md"

#: All that may be uploaded, and what it holds. No title, no interaction and no item's or user's own vector is in any of
#: these: what the prompts need of them stays with the workflow.
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
    """A file that is uploaded: its name in the folder, its size in bytes and what it holds."""

    name: str
    size: int
    content: str


def finished_adapter(adapter: Path) -> list[PublishedFile]:
    """Return what is uploaded of an adapter's folder, after checking that it is whole.

    Args:
        adapter: the folder, ``.../adapter``, with its provenance beside it.

    Raises:
        FileNotFoundError: the folder, its provenance or its card is missing.
        ArtifactError: a file is not as it was tuned, is missing, or is none of an adapter.
    """
    if not adapter.is_dir():
        raise FileNotFoundError(f"{adapter}: no such folder, expected that of a tuned adapter, .../adapter")
    sidecar = adapter.with_name(f"{adapter.name}.provenance.json")
    if not sidecar.is_file():
        raise FileNotFoundError(
            f"{sidecar}: not found, expected what the adapter was tuned with. Name a folder of the workflow, such as "
            "results/finetune/movielens/random_users/embedded/ilora/default/seed~1/adapter"
        )
    names = sorted(path.relative_to(adapter).as_posix() for path in adapter.rglob("*") if not path.is_dir())
    foreign = [name for name in names if name not in CONTENTS]
    if foreign:
        raise ArtifactError(
            f"{adapter}: found {', '.join(foreign)}, which no adapter consists of; it may hold data that must not be "
            "passed on. Move it away, and push again."
        )
    if CARD_FILE not in names:
        raise FileNotFoundError(
            f"{adapter / CARD_FILE}: not found, expected the adapter's card. The rule describe_adapter writes it when "
            "the adapter has been evaluated: run the workflow to its end."
        )
    tuned = [name for name in names if name != CARD_FILE]
    if _digest(adapter, tuned) != json.loads(sidecar.read_text(encoding="utf-8"))["artifact"]["sha256"]:
        raise ArtifactError(
            f"{adapter}: its files ({', '.join(tuned)}) are not those that were tuned, by the sha256 in "
            f"{sidecar.name}: one is missing or was altered. Delete the folder and run the workflow again."
        )
    return [PublishedFile(name, (adapter / name).stat().st_size, CONTENTS[name]) for name in names]


def _digest(folder: Path, names: list[str]) -> str:
    """Return the digest that a folder with these files alone has."""
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            (Path(place) / name).symlink_to((folder / name).resolve())
        return sha256_of(place)
