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
#: The hub allows neither -- nor .. in a name, so -- can replace its slash in paths.
_HUB_PART = r"[A-Za-z0-9](?:(?!--|\.\.)[A-Za-z0-9._-])*(?<![.-])"
HUB_NAME = re.compile(f"{_HUB_PART}/{_HUB_PART}")


Precision = Literal["float32", "bfloat16", "float16"]
#: The fast precision of the machine that plans the study.
NATIVE: Final = "native"
Quantization = Literal["nf4", "int8"]
Attention = Literal["sdpa", "eager", "flash_attention_2"]


class BackboneSource(Section):
    """Where a job loads a language model from, and how.

    Attributes:
        name: a directory or ``organisation/model``.
        revision: branch, tag or commit of the hub, or None.
        precision: precision of the frozen weights and of the computation.
        quantization: quantization of the linear layers' weights, or None.
        attention: attention implementation in transformers.
        record: file that records the fetched hub commit (`ilora.llm.hub.fetching`), if the workflow fetched the model.
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
        description="embedded (a small Llama that the pipeline pretrains itself), smollm2 (a pretrained model of 135 "
        "million parameters: make pretrained), a local directory, a GGUF file, or organisation/model on the Hugging "
        "Face hub",
    )
    revision: Revision | None = Field(None, description="branch, tag or commit on the hub; null for its default branch")
    precision: Precision | Literal["native"] = Field(
        "float32",
        description="precision of the frozen weights and of the computation; native is bfloat16 where the GPU or "
        "processor has instructions for it, otherwise float32 (decided on the machine that runs Snakemake: on a "
        "cluster, name the precision)",
    )
    quantization: Quantization | None = Field(
        None,
        description="quantization of the frozen weights by bitsandbytes: nf4 (4 bits, QLoRA) or int8; null for none, "
        "which the embedded backbone requires",
    )
    attention: Attention = Field("sdpa", description="attention implementation in transformers")
    gpus: Annotated[int, Field(ge=0)] = Field(
        1,
        description="GPUs requested by each rule that runs the language model; fine-tuning runs one process per GPU "
        "and divides each batch among them. The embedded backbone requests none",
    )
    sharded: bool = Field(
        False, description="shard the frozen weights across the GPUs in fine-tuning (FSDP); this changes no result"
    )
    nodes: Count = Field(
        1,
        description="cluster nodes per fine-tuning, each with that many GPUs; more than one needs Slurm",
    )
    gpu_memory_gb: Annotated[float, Field(gt=0)] | None = Field(
        None, description="memory of one GPU, in GB; a fine-tuning that is estimated to need more is not submitted"
    )

    def source(self, folder: str | None, record: str) -> BackboneSource:
        """Return where this model is loaded from.

        Args:
            folder: folder into which the workflow puts the model, such as the embedded one; None to load it by name.
            record: file that records the fetched commit, used if the model comes from the hub.
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
        """The precision, with `native` resolved for this machine."""
        return native_precision() if self.precision == NATIVE else self.precision

    @property
    def is_embedded(self) -> bool:
        """Whether the pipeline pretrains this backbone itself."""
        return self.name == EMBEDDED_BACKBONE

    @property
    def is_directory(self) -> bool:
        """Whether the name is a local directory."""
        return not self.is_embedded and self.package is None and Path(self.name).is_dir()

    @property
    def package(self) -> PackagedModel | None:
        """The Python package that contains the model; None for any other model."""
        return PACKAGED_MODELS.get(self.name)

    @property
    def is_gguf(self) -> bool:
        """Whether the model is a GGUF file, local or in a package."""
        if self.package is not None:
            return self.package.is_gguf
        return self.name.endswith(".gguf") and not self.is_directory

    @property
    def is_brought(self) -> bool:
        """Whether the workflow first makes a folder to load, from a GGUF file or a package."""
        return self.is_gguf or self.package is not None

    @property
    def is_on_hub(self) -> bool:
        """Whether the model comes from the Hugging Face hub."""
        return not (self.is_embedded or self.is_directory or self.is_brought)

    @property
    def model_id(self) -> str:
        """The model's name in paths of artifacts that do not depend on how it is loaded.

        It consists of letters, digits and ``. _ - @``.
        """
        if self.is_directory or (self.is_gguf and self.package is None):
            resolved = Path(self.name).resolve()
            digest = hashlib.sha256(str(resolved).encode()).hexdigest()[:8]
            return re.sub(r"[^A-Za-z0-9._-]", "_", resolved.name) + "-" + digest
        name = self.name.replace("/", "--")
        return name if self.revision is None else f"{name}@{self.revision}"

    @property
    def identifier(self) -> str:
        """The unique name, in paths of artifacts, of the model and of how it is loaded.

        It is the model's name followed by the quantization, if any, and by the precision if it is not the usual one.
        """
        precision = self.loaded_precision
        loaded = [self.quantization, None if precision == self._usual_precision else precision]
        name, at, revision = self.model_id.partition("@")
        return "+".join([name, *(way for way in loaded if way is not None)]) + at + revision

    @property
    def _usual_precision(self) -> Precision:
        """The precision of the shipped studies, which paths do not name."""
        return "float32" if self.is_embedded else "bfloat16"

    @property
    def processes(self) -> int:
        """The processes of a fine-tuning on each node: one per GPU, or one without GPUs."""
        return 1 if self.is_embedded else max(1, self.gpus)
