"""`backbone`: the language model that is tuned."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from ilora.configuration.native_precision import native_precision
from ilora.configuration.packaged_models import PACKAGED_MODELS, PackagedModel
from ilora.configuration.section import Section
from ilora.configuration.types import Count, PathText, Revision

EMBEDDED_BACKBONE = "embedded"
#: The hub takes no -- and no .. in a name, so that -- can stand for its slash in paths.
_HUB_PART = r"[A-Za-z0-9](?:(?!--|\.\.)[A-Za-z0-9._-])*(?<![.-])"
HUB_NAME = re.compile(f"{_HUB_PART}/{_HUB_PART}")


Precision = Literal["float32", "bfloat16", "float16"]
#: Stands for the precision that the machine which plans the study computes fast in.
NATIVE: Final = "native"
Quantization = Literal["nf4", "int8"]
Attention = Literal["sdpa", "eager", "flash_attention_2"]


class BackboneSource(Section):
    """Where a job loads a language model from, and how.

    Attributes:
        name: a directory or ``organisation/model``.
        revision: branch, tag or commit of the hub, or None.
        precision: of the frozen weights and of the computation.
        quantization: of the linear layers' weights, or None.
        attention: implementation of attention in transformers.
        record: file that says which commit of the hub was fetched (`ilora.llm.hub.fetching`), if the workflow did.
    """

    name: str
    revision: str | None = None
    precision: Precision = "float32"
    quantization: Quantization | None = None
    attention: Attention = "sdpa"
    record: str | None = None


class BackboneSection(Section):
    """The language model that is tuned."""

    name: PathText = Field(
        EMBEDDED_BACKBONE,
        description="embedded (a small Llama that the pipeline pretrains itself), smollm2 (a pretrained one of 135 "
        "million parameters: make pretrained), a local directory, a file of the format GGUF, or organisation/model on "
        "the Hugging Face hub",
    )
    revision: Revision | None = Field(None, description="branch, tag or commit on the hub; null for its default branch")
    precision: Precision | Literal["native"] = Field(
        "float32",
        description="of the frozen weights and of the computation; native is bfloat16 where GPU or processor have "
        "instructions for it, else float32 (of the machine that Snakemake runs on: on a cluster, name the precision)",
    )
    quantization: Quantization | None = Field(
        None,
        description="of the frozen weights, by bitsandbytes: nf4 (4 bits, QLoRA) or int8; null for none, as it is for "
        "the embedded one",
    )
    attention: Attention = Field("sdpa", description="implementation of attention in transformers")
    gpus: Annotated[int, Field(ge=0)] = Field(
        1,
        description="GPUs that each rule of the language model asks for; fine-tuning has a process on each, and they "
        "share its batches. The embedded one asks for none",
    )
    sharded: bool = Field(
        False, description="in fine-tuning, divide the frozen weights among the GPUs (FSDP); it changes no result"
    )
    nodes: Count = Field(
        1,
        description="nodes of the cluster, each with as many GPUs, that a fine-tuning takes; more than one needs Slurm",
    )
    gpu_memory_gb: Annotated[float, Field(gt=0)] | None = Field(
        None, description="memory of one of them; a fine-tuning that is planned to need more is not submitted"
    )

    def source(self, folder: str | None, record: str) -> BackboneSource:
        """Return where this model is loaded from.

        Args:
            folder: that the workflow makes of it, as of the embedded one; None where its name says it.
            record: of the fetched commit, if it comes from the hub.
        """
        return BackboneSource(
            name=self.name if folder is None else folder,
            revision=self.revision,
            precision=self.loaded_precision,
            quantization=self.quantization,
            attention=self.attention,
            record=record if self.is_on_hub else None,
        )

    @property
    def loaded_precision(self) -> Precision:
        """The precision by its own name."""
        return native_precision() if self.precision == NATIVE else self.precision

    @property
    def is_embedded(self) -> bool:
        """Whether the pipeline makes this backbone itself."""
        return self.name == EMBEDDED_BACKBONE

    @property
    def is_directory(self) -> bool:
        """Whether the name is a directory of this machine."""
        return not self.is_embedded and self.package is None and Path(self.name).is_dir()

    @property
    def package(self) -> PackagedModel | None:
        """The package that it lies in; None for any other model."""
        return PACKAGED_MODELS.get(self.name)

    @property
    def is_gguf(self) -> bool:
        """Whether it is a GGUF file, of this machine or of a package."""
        if self.package is not None:
            return self.package.is_gguf
        return self.name.endswith(".gguf") and not self.is_directory

    @property
    def is_brought(self) -> bool:
        """Whether the workflow makes a folder of it first, which it loads: of a GGUF file, or of a package."""
        return self.is_gguf or self.package is not None

    @property
    def is_on_hub(self) -> bool:
        """Whether it comes from the Hugging Face hub."""
        return not (self.is_embedded or self.is_directory or self.is_brought)

    @property
    def model_id(self) -> str:
        """The model's name in paths of what no way of loading it changes, of letters, digits and ``. _ - @``."""
        if self.is_directory or (self.is_gguf and self.package is None):
            resolved = Path(self.name).resolve()
            digest = hashlib.sha256(str(resolved).encode()).hexdigest()[:8]
            return re.sub(r"[^A-Za-z0-9._-]", "_", resolved.name) + "-" + digest
        name = self.name.replace("/", "--")
        return name if self.revision is None else f"{name}@{self.revision}"

    @property
    def identifier(self) -> str:
        """The name in paths of what is made with the model as it is loaded; it tells models and ways apart.

        It is the model's, followed by its quantization, and its precision where that is not the usual one.
        """
        precision = self.loaded_precision
        loaded = [self.quantization, None if precision == self._usual_precision else precision]
        name, at, revision = self.model_id.partition("@")
        return "+".join([name, *(way for way in loaded if way is not None)]) + at + revision

    @property
    def _usual_precision(self) -> Precision:
        """That of the shipped studies, whose paths do not name it."""
        return "float32" if self.is_embedded else "bfloat16"

    @property
    def processes(self) -> int:
        """The processes of a fine-tuning on each of its nodes: one for each GPU, and one without."""
        return 1 if self.is_embedded else max(1, self.gpus)
