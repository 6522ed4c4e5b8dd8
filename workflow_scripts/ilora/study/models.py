"""The language models that a study takes: their files, and where they are loaded from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ilora.configuration.packaged_models import PackagedModel
from ilora.configuration.sections.backbone import BackboneSection, BackboneSource
from ilora.data.protocol_names import trained_protocol
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards

#: The files of the embedded backbone that its users read, by their name among inputs.
_EMBEDDED_FILES = {
    "backbone_config": "config.json",
    "backbone_tokenizer": "tokenizer.json",
    "backbone_weights": "model.safetensors",
    "projector": "projector.safetensors",
}

#: Those of a model that a rule brings into the results, likewise.
_BROUGHT_FILES = {
    "backbone_config": "config.json",
    "backbone_tokenizer": "tokenizer.json",
    "backbone_tokenizer_config": "tokenizer_config.json",
    "backbone_weights": "model.safetensors",
}

#: What a conversion from GGUF makes besides: the tokens that end an answer.
_CONVERTED_FILES = {**_BROUGHT_FILES, "backbone_generation_config": "generation_config.json"}

#: Of a conversion from GGUF: what it takes whatever the file's size, and how many times its size besides. Weights of
#: two bits become 32.
_CONVERSION_MEGABYTES, _CONVERSION_GROWTH = 1500, 16


@dataclass(frozen=True)
class ModelFiles:
    """What rules read of a language model, and what they hand to their scripts about it."""

    study: Study

    def named(self, wildcards: Wildcards) -> BackboneSection:
        """Return the model of the study that a path names, by itself or with the way in which it is loaded."""
        models = (self.study.config.backbone, self.study.title_encoder)
        return next(model for model in models if wildcards["backbone"] in (model.identifier, model.model_id))

    @property
    def names_hub_model(self) -> bool:
        """Whether the study names a model of the hub, used or not: then its rules may be asked to fetch it."""
        return self.study.config.backbone.is_on_hub or self.study.title_encoder.is_on_hub

    def hub_name(self, wildcards: Wildcards) -> str:
        """Return a model's name on the hub."""
        return self.named(wildcards).name

    def hub_revision(self, wildcards: Wildcards) -> str | None:
        """Return a model's revision on the hub."""
        return self.named(wildcards).revision

    @property
    def pretraining_prompt(self) -> dict[str, Any]:
        """The prompts that the embedded backbone is pretrained on: what it learns is to choose among candidates."""
        return self.study.config.prompt.model_copy(update={"candidates": "listed"}).plain()

    def backbone_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of the backbone that a path names; a local directory has none that are followed."""
        return self._files(self.named(wildcards), wildcards)

    def title_encoder_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of the encoder of titles, as `backbone_files` does."""
        return self._files(self.study.title_encoder, wildcards)

    def backbone(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return where the backbone is loaded from and how."""
        return self.source(wildcards).plain()

    def source(self, wildcards: Wildcards) -> BackboneSource:
        """Return the same, typed."""
        return self._source(self.study.config.backbone, wildcards)

    def title_encoder(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return where the encoder of titles is loaded from and how."""
        return self._source(self.study.title_encoder, wildcards).plain()

    def downloads(self) -> list[str]:
        """Return the records of the models that the study takes from the hub."""
        needed = [self.study.config.backbone] if self.study.backbone_methods else []
        needed += [self.study.title_encoder] if self.study.encodes_titles else []
        return [self._hub_record(model) for model in needed if model.is_on_hub]

    def embedded_weights(self) -> list[str]:
        """Return the weights of the embedded backbones that the study uses, whose size the table tells."""
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
        """Return the megabytes that the conversion of a GGUF file asks for, up to what the study allows."""
        size = Path(self.gguf_file(wildcards)).stat().st_size // 1_000_000
        limit = self.study.config.resources.maximum_megabytes
        return min((_CONVERSION_MEGABYTES + _CONVERSION_GROWTH * size) * attempt, limit)

    def converted_outputs(self) -> dict[str, str]:
        """Return what a conversion from GGUF makes, by name."""
        return {name: f"{self.study.layout.converted_model}/{file}" for name, file in _CONVERTED_FILES.items()}

    def packaged_inputs(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of a model in a package, by name."""
        package = self.named(wildcards).package
        assert package is not None
        return {name: str(_found(package) / file) for name, file in _BROUGHT_FILES.items()}

    def packaged_outputs(self) -> dict[str, str]:
        """Return what is made of them, by the same names."""
        return {name: f"{self.study.layout.packaged_model}/{file}" for name, file in _BROUGHT_FILES.items()}

    def package(self, wildcards: Wildcards) -> dict[str, str] | None:
        """Return what is known of the package that a model lies in; None for a file of the user's."""
        package = self.named(wildcards).package
        return None if package is None else asdict(package)

    def brought_weights(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the weights whose record tells the backbone's licence; none of a model that tells its own."""
        files = self.backbone_files(wildcards) if self.study.config.backbone.is_brought else {}
        return {name: path for name, path in files.items() if name == "backbone_weights"}

    @property
    def base_model(self) -> dict[str, Any]:
        """What the card of an adapter says of the backbone."""
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
        """Give the folder that the workflow makes of a model; None for one that it only loads."""
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
    assert path is not None  # `Study.load` has looked for it
    return path
