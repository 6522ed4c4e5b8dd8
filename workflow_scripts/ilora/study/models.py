"""The language models of a study: their files, and where they are loaded from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ilora.configuration.packaged_models import PackagedModel
from ilora.configuration.sections.backbone import BackboneSection, BackboneSource
from ilora.data.protocol_names import trained_protocol
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards

#: The files of the embedded backbone that jobs read, by the names of the inputs.
_EMBEDDED_FILES = {
    "backbone_config": "config.json",
    "backbone_tokenizer": "tokenizer.json",
    "backbone_weights": "model.safetensors",
    "projector": "projector.safetensors",
}

#: The files of a model that a rule places in the results, by the same names.
_BROUGHT_FILES = {
    "backbone_config": "config.json",
    "backbone_tokenizer": "tokenizer.json",
    "backbone_tokenizer_config": "tokenizer_config.json",
    "backbone_weights": "model.safetensors",
}

#: The files of a converted GGUF file, including the tokens that end an answer.
_CONVERTED_FILES = {**_BROUGHT_FILES, "backbone_generation_config": "generation_config.json"}

#: Memory of a conversion from GGUF: a constant plus a multiple of the file's size. Weights of 2 bits become 32 bits.
_CONVERSION_MEGABYTES, _CONVERSION_GROWTH = 1500, 16


@dataclass(frozen=True)
class ModelFiles:
    """Inputs of rules that use a language model, and the parameters of their scripts."""

    study: Study

    def named(self, wildcards: Wildcards) -> BackboneSection:
        """Return the study's model in a path, which names it with or without the way in which it is loaded."""
        models = (self.study.config.backbone, self.study.title_encoder)
        return next(model for model in models if wildcards["backbone"] in (model.identifier, model.model_id))

    @property
    def names_hub_model(self) -> bool:
        """Whether the study names a model on the hub, even an unused one, so that a rule may have to fetch it."""
        return self.study.config.backbone.is_on_hub or self.study.title_encoder.is_on_hub

    def hub_name(self, wildcards: Wildcards) -> str:
        """Return a model's name on the hub."""
        return self.named(wildcards).name

    def hub_revision(self, wildcards: Wildcards) -> str | None:
        """Return a model's revision on the hub."""
        return self.named(wildcards).revision

    @property
    def pretraining_prompt(self) -> dict[str, Any]:
        """The prompt settings for pretraining the embedded backbone, which learns to choose among candidates."""
        return self.study.config.prompt.model_copy(update={"candidates": "listed"}).plain()

    def backbone_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of the backbone in a path; none for a local directory, which is not tracked."""
        return self._files(self.named(wildcards), wildcards)

    def title_encoder_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of the title encoder, like `backbone_files`."""
        return self._files(self.study.title_encoder, wildcards)

    def backbone(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the source of the backbone as plain values."""
        return self.source(wildcards).plain()

    def source(self, wildcards: Wildcards) -> BackboneSource:
        """Return where the backbone is loaded from, and how."""
        return self._source(self.study.config.backbone, wildcards)

    def title_encoder(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the source of the title encoder as plain values."""
        return self._source(self.study.title_encoder, wildcards).plain()

    def downloads(self) -> list[str]:
        """Return the records of the models that the study fetches from the hub."""
        needed = [self.study.config.backbone] if self.study.backbone_methods else []
        needed += [self.study.title_encoder] if self.study.encodes_titles else []
        return [self._hub_record(model) for model in needed if model.is_on_hub]

    def embedded_weights(self) -> list[str]:
        """Return the weights of the embedded backbones that the study uses; the table shows their size."""
        if not self.study.uses_embedded_backbone:
            return []
        config = self.study.config
        pattern = self.study.layout.embedded_backbone_file("model.safetensors")
        return expand(pattern, dataset=config.datasets, protocol=config.protocol)

    def gguf_file(self, wildcards: Wildcards) -> str:
        """Return the GGUF file of a model."""
        model = self.named(wildcards)
        return str(_found(model.package) if model.package else Path(model.name))

    def conversion_memory(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the megabytes to request for the conversion of a GGUF file, up to the study's limit."""
        size = Path(self.gguf_file(wildcards)).stat().st_size // 1_000_000
        limit = self.study.config.resources.maximum_megabytes
        return min((_CONVERSION_MEGABYTES + _CONVERSION_GROWTH * size) * attempt, limit)

    def converted_outputs(self) -> dict[str, str]:
        """Return the outputs of a conversion from GGUF, by name."""
        return {name: f"{self.study.layout.converted_model}/{file}" for name, file in _CONVERTED_FILES.items()}

    def packaged_inputs(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of a model in a package, by name."""
        package = self.named(wildcards).package
        assert package is not None
        return {name: str(_found(package) / file) for name, file in _BROUGHT_FILES.items()}

    def packaged_outputs(self) -> dict[str, str]:
        """Return the outputs for a packaged model, by the same names as `packaged_inputs`."""
        return {name: f"{self.study.layout.packaged_model}/{file}" for name, file in _BROUGHT_FILES.items()}

    def package(self, wildcards: Wildcards) -> dict[str, str] | None:
        """Return the description of the package that contains a model; None for a user's own file."""
        package = self.named(wildcards).package
        return None if package is None else asdict(package)

    def brought_weights(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the weights whose record contains the backbone's licence; none for a model with its own licence."""
        files = self.backbone_files(wildcards) if self.study.config.backbone.is_brought else {}
        return {name: path for name, path in files.items() if name == "backbone_weights"}

    @property
    def base_model(self) -> dict[str, Any]:
        """The description of the backbone for adapter cards."""
        model = self.study.config.backbone
        origin = None
        if model.package is not None:
            origin = f"{model.package.model}, from the package {model.package.package} {model.package.version}"
        return {"name": model.name, "origin": origin, "is_on_hub": model.is_on_hub, "revision": model.revision}

    def _files(self, model: BackboneSection, wildcards: Wildcards) -> dict[str, str]:
        if model.is_on_hub:
            return {"backbone_record": self._hub_record(model)}
        folder = self._folder(model, wildcards)
        files = _EMBEDDED_FILES if model.is_embedded else _CONVERTED_FILES if model.is_gguf else _BROUGHT_FILES
        return {} if folder is None else {name: f"{folder}/{path}" for name, path in files.items()}

    def _source(self, model: BackboneSection, wildcards: Wildcards) -> BackboneSource:
        return model.source(self._folder(model, wildcards), self._hub_record(model))

    def _folder(self, model: BackboneSection, wildcards: Wildcards) -> str | None:
        """Return the folder in which the workflow places a model; None if it only loads the model."""
        layout = self.study.layout
        if model.is_embedded:
            return fill(layout.embedded_backbone, **of_training(wildcards))
        if model.is_gguf:
            return fill(layout.converted_model, backbone=model.model_id)
        return fill(layout.packaged_model, backbone=model.model_id) if model.package else None

    def _hub_record(self, model: BackboneSection) -> str:
        return fill(self.study.layout.hub_record, backbone=model.model_id)


def of_training(wildcards: Wildcards) -> Wildcards:
    """Return the wildcards of what a path's method was trained by, whose held-out histories are whole."""
    protocol = wildcards.get("protocol")
    return wildcards if protocol is None else {**wildcards, "protocol": trained_protocol(protocol)}


def _found(package: PackagedModel) -> Path:
    path = package.find()
    assert path is not None  # `Study.load` has checked this
    return path
