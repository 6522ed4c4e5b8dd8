"""Fetching a model from the Hugging Face hub into its cache, before jobs need it on nodes without network access."""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from ilora.llm.model.backbones import BackboneError, access_refused

#: Files that transformers reads: configuration, tokenizer, and weights as safetensors, never as pickles.
PATTERNS = ("*.json", "*.model", "*.txt", "*.jinja", "*.safetensors")


@dataclass(frozen=True)
class FetchedModel:
    """A model in the hub's cache: its name, the requested revision (None: the default), and its commit."""

    name: str
    revision: str | None
    commit: str


def fetch_model(name: str, revision: str | None) -> FetchedModel:
    """Fetch those files of a model that are not yet cached.

    ``HF_HOME`` sets the location of the cache, and ``HF_TOKEN`` gives access.

    Args:
        name: ``organisation/model``.
        revision: branch, tag or commit; None for the default branch.

    Raises:
        BackboneError: if the hub denies access, does not have the model, or cannot be reached.
    """
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(PATTERNS)))
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise access_refused(name) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise BackboneError(
            f"{name}: could not be fetched ({type(error).__name__}). Run this on a machine with network access, such "
            "as a login node, with HF_HOME on a disk that the nodes share; or set backbone.name to a local directory."
        ) from error
    if not list(folder.glob("*.safetensors")):
        raise BackboneError(f"{name}: has no safetensors weights; choose a revision that has them")
    return FetchedModel(name, revision, commit=folder.name)
