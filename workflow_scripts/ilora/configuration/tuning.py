"""The settings of one fine-tuning, as a rule passes them to its script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from pydantic import field_serializer

from ilora.configuration.section import Section
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.finetuning_values import AdapterValues, FinetuningValues
from ilora.configuration.sections.prompt import PromptSection
from ilora.datasets.wording import PromptWording
from ilora.methods.declaration import AdapterKind, PromptKind

#: Module that a fine-tuning with `best_epoch` loads by name; its code is not part of other fine-tunings.
EPOCH_MEASURE = "ilora.llm.training.hit_ratio"


class MethodKind(Section):
    """The kind of a language-model method: its prompt and its adapter."""

    prompt: PromptKind
    adapter: AdapterKind


@dataclass(frozen=True)
class AdapterShape:
    """The shape of a method's adapter: the shared values, and the kind of method, which determines those it reads."""

    values: AdapterValues
    kind: MethodKind

    @property
    def experts(self) -> int | None:
        """K of instance-wise LoRA; None for uniform LoRA."""
        return self.values.experts if self.kind.adapter == "instance_wise" else None

    @property
    def item_vectors(self) -> Literal["raw", "decorrelated"] | None:
        """How the projector's input vectors are prepared; None for text-only prompts, which need no projector."""
        return self.values.item_vectors if self.kind.prompt == "hybrid" else None

    def plain(self) -> dict[str, Any]:
        """Return the shape as JSON values, by the names of `AdapterValues`."""
        values = self.values.model_dump(mode="json", include=set(AdapterValues.model_fields))
        return {**values, "experts": self.experts, "item_vectors": self.item_vectors}


class TuningSettings(Section):
    """How a method is tuned for a data set.

    Attributes:
        dataset: name of the data set, for messages.
        method: name of the method, for the progress display.
        kind: kind of the method.
        seed: seed of the fine-tuning.
        backbone: where the backbone is loaded from, and how.
        finetuning: the study's values for the data set and method.
        prompt: the study's prompt settings.
        wording: the data set's sentences in prompts.
        candidates: size of a candidate set.
        candidate_seed: seed of the candidate sets.
    """

    dataset: str
    method: str
    kind: MethodKind
    seed: int
    backbone: BackboneSource
    finetuning: FinetuningValues
    prompt: PromptSection
    wording: PromptWording
    candidates: int
    candidate_seed: int

    @field_serializer("wording")
    def _without_what_is_not_asked(self, wording: PromptWording) -> dict[str, str]:
        return {name: sentence for name, sentence in asdict(wording).items() if sentence is not None}

    @property
    def shape(self) -> AdapterShape:
        """The shape of the adapter."""
        return AdapterShape(self.finetuning, self.kind)

    @property
    def description(self) -> str:
        """The name of the fine-tuning in the progress display."""
        return f"fine-tuning {self.method}, seed {self.seed}"

    @classmethod
    def read_recorded(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings in a provenance record, including one by an earlier version with other key names.

        Raises:
            pydantic.ValidationError: the values are not valid.
        """
        renamed = FinetuningValues.RENAMED
        finetuning = {renamed.get(key, key): value for key, value in values["finetuning"].items()}
        return cls.read({**values, "finetuning": finetuning})
