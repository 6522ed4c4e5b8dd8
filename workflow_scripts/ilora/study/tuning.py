"""The files of a tuned adapter, and the settings of its training and inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import PurePath
from typing import Any, Protocol

from ilora.configuration.decoding import decoding_values
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sweep_cells import SweepCell
from ilora.configuration.tuning import EPOCH_MEASURE, MethodKind, TuningSettings
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.configuration.variants import VariantSettings, resolve_variant
from ilora.datasets.wording import PromptWording
from ilora.layout import LAST_SNAPSHOT, expand, fill
from ilora.methods.register import LANGUAGE_MODEL_METHODS
from ilora.study.data import DataFiles
from ilora.study.models import ModelFiles, of_training
from ilora.study.recommenders import RecommenderFiles
from ilora.study.study import Study, Wildcards


class Inputs(Protocol):
    """The inputs of a job that are read here."""

    adapter_weights: str
    snapshots: str


@dataclass(frozen=True)
class TuningFiles:
    """Inputs of the rules for tuned adapters, and the parameters of their scripts."""

    study: Study

    def variant(self, wildcards: Wildcards) -> VariantSettings:
        """Return the settings of the variant in a path.

        Raises:
            ConfigurationError: the study has another name for these settings.
        """
        name = wildcards.get("variant", DEFAULT_VARIANT)
        return self._resolve(wildcards["dataset"], wildcards["method"], name)

    def finetuning(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the fine-tuning settings of the data set, method and variant."""
        return self.variant(wildcards).finetuning.plain()

    def settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings to tune the method for the data set."""
        config, method = self.study.config, LANGUAGE_MODEL_METHODS[wildcards["method"]]
        return TuningSettings(
            dataset=wildcards["dataset"],
            method=wildcards["method"],
            kind=MethodKind(prompt=method.prompt, adapter=method.adapter),
            # A plan applies to all seeds.
            seed=int(wildcards.get("seed", str(config.seeds[0]))),
            backbone=ModelFiles(self.study).source(wildcards),
            finetuning=self.variant(wildcards).finetuning,
            prompt=config.prompt,
            wording=PromptWording(**DataFiles(self.study).wording_of_study(wildcards)),
            candidates=config.data.candidates,
            candidate_seed=config.data.candidate_seed,
        ).plain()

    def modules(self, wildcards: Wildcards) -> list[str]:
        """Return the modules that a fine-tuning loads by name."""
        return [EPOCH_MEASURE] if self.variant(wildcards).finetuning.best_epoch else []

    def kind(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the kind of the method."""
        method = LANGUAGE_MODEL_METHODS[wildcards["method"]]
        return {"prompt": method.prompt, "adapter": method.adapter}

    def inference(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings of prompts and of the method's decoding."""
        method = wildcards["method"]
        decoding = decoding_values(self.study.config.decoding, method)
        if LANGUAGE_MODEL_METHODS[method].is_tuned:
            tokens = self.variant(wildcards).finetuning.maximum_new_tokens
            decoding = decoding.model_copy(update={"maximum_new_tokens": tokens or decoding.maximum_new_tokens})
        return {
            "prompt": self.study.config.prompt.plain(),
            "decoding": decoding.plain(),
        }

    def prompt_kind(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the content and wording of a method's prompts, in addition to the study's prompt settings."""
        method = LANGUAGE_MODEL_METHODS[wildcards["method"]]
        texts = self.variant(wildcards).finetuning.prompt_texts if method.is_tuned else "lists"
        return {"kind": method.prompt, "texts": texts}

    def sequence_encoder(self, wildcards: Wildcards) -> str | None:
        """Return the sequence encoder of a method with hybrid prompts; None for a text-only method."""
        is_hybrid = LANGUAGE_MODEL_METHODS[wildcards["method"]].is_hybrid
        return self.variant(wildcards).sequence_encoder if is_hybrid else None

    def encoder_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the vectors of the sequence encoder with the same seed; none for a text-only method."""
        encoder = self.sequence_encoder(wildcards)
        return {} if encoder is None else self._vectors(encoder, wildcards)

    def encoder_files_of_study(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the vectors of the study's own sequence encoder."""
        return self._vectors(self.study.config.recommenders.sequence_encoder, wildcards)

    def adapter_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the files of a tuned adapter, by name, including the projector if the method has one."""
        files, trained = self.outputs(wildcards["method"]), of_training(wildcards)
        return {f"adapter_{name}": fill(path, **trained) for name, path in files.items()}

    def trained_on(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the training inputs of an adapter that answers short histories, against which it is checked."""
        trained, encoder = of_training(wildcards), self.sequence_encoder(wildcards)
        if trained["protocol"] == wildcards["protocol"]:
            return {}
        files = {"sequences": fill(self.study.layout.sequences, **trained)}
        files |= {} if encoder is None else self._vectors(encoder, trained)
        return {f"trained_on_{name}": path for name, path in files.items()}

    def outputs(self, method: str) -> dict[str, str]:
        """Return the adapter files of a method's fine-tuning, by name."""
        declared, layout = LANGUAGE_MODEL_METHODS[method], self.study.layout
        files = {
            "configuration": layout.adapter_config,
            "weights": layout.adapter_weights,
            "settings": layout.adapter_settings,
        }
        return files | ({"projector": layout.adapter_projector} if declared.is_hybrid else {})

    def files(self, method: str) -> list[str]:
        """Return all outputs of a method's fine-tuning."""
        return [*self.outputs(method).values(), self.study.layout.snapshots, self.study.layout.tuning_log]

    def of_cell(self, cell: SweepCell) -> FinetuningValues:
        """Return the fine-tuning settings of a sweep's cell."""
        return self._resolve(cell.dataset, cell.method, cell.variant).finetuning

    def adapter_folder(self, wildcards: Wildcards, input: Inputs) -> str:
        """Return the folder of the adapter that a job reads, or of its snapshot if the path names a step."""
        snapshot = wildcards.get("snapshot", f"step~{wildcards.get('step', '')}")
        if snapshot in ("step~", LAST_SNAPSHOT):
            return PurePath(input.adapter_weights).parent.as_posix()
        return f"{input.snapshots}/{snapshot}"

    def plans(self) -> list[str]:
        """Return the plans of the study's fine-tunings."""
        config = self.study.config
        return expand(
            self.study.layout.tuning_plan,
            dataset=config.datasets,
            protocol=config.protocol,
            backbone=self.study.backbone_id,
            method=self.study.tuned_methods,
        )

    def plan(self, wildcards: Wildcards) -> list[str]:
        """Return the plan to read before a fine-tuning is submitted; the embedded backbone needs none."""
        is_embedded = self.study.config.backbone.is_embedded
        return [] if is_embedded else [fill(self.study.layout.tuning_plan, **of_training(wildcards))]

    @cached_property
    def _resolve(self) -> Callable[[str, str, str], VariantSettings]:
        return cache(partial(resolve_variant, self.study.config))

    def _vectors(self, encoder: str, wildcards: Wildcards) -> dict[str, str]:
        of_seed = RecommenderFiles(self.study).of_seed
        return {
            "item_embeddings": of_seed(encoder, "item_embeddings.safetensors", wildcards),
            "representations": of_seed(encoder, "sequence_representations.safetensors", wildcards),
        }


def early_snapshots(finetuning: FinetuningValues) -> list[int]:
    """Return the steps of the snapshots before the last step."""
    return [step for step in finetuning.snapshots if step != finetuning.steps]
