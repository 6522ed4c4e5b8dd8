"""The language models that a study takes: their files, and where they are loaded from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilora.configuration.sections.backbone import BackboneSection, BackboneSource
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards

#: The files of the embedded backbone that its users read, by their name among inputs.
_EMBEDDED_FILES = {
    "backbone_config": "config.json",
    "backbone_tokenizer": "tokenizer.json",
    "backbone_weights": "model.safetensors",
    "projector": "projector.safetensors",
}


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

    def _files(self, model: BackboneSection, wildcards: Wildcards) -> dict[str, str]:
        if not model.is_embedded:
            return {"backbone_record": self._hub_record(model)} if model.is_on_hub else {}
        file = self.study.layout.embedded_backbone_file
        return {name: fill(file(path), **wildcards) for name, path in _EMBEDDED_FILES.items()}

    def _source(self, model: BackboneSection, wildcards: Wildcards) -> BackboneSource:
        folder = fill(self.study.layout.embedded_backbone, **wildcards)
        return model.source(folder, self._hub_record(model))

    def _hub_record(self, model: BackboneSection) -> str:
        return fill(self.study.layout.hub_record, backbone=model.model_id)
