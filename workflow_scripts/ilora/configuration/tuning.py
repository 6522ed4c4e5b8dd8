"""What a rule tells its script of one fine-tuning: which method, on what, and how."""

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

#: What a fine-tuning that takes its best epoch loads by name: answering, whose code is no part of other fine-tunings.
EPOCH_MEASURE = "ilora.llm.training.hit_ratio"


class MethodKind(Section):
    """What kind of method of the language model it is."""

    prompt: PromptKind
    adapter: AdapterKind


@dataclass(frozen=True)
class AdapterShape:
    """The shape of one method's adapter: values that all methods share, and which of them this kind of method reads."""

    values: AdapterValues
    kind: MethodKind

    @property
    def experts(self) -> int | None:
        """K of instance-wise LoRA; None for uniform LoRA."""
        return self.values.experts if self.kind.adapter == "instance_wise" else None

    @property
    def item_vectors(self) -> Literal["raw", "decorrelated"] | None:
        """How the projector's vectors are prepared; None where prompts are text alone, which need no projector."""
        return self.values.item_vectors if self.kind.prompt == "hybrid" else None

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold, by the names of `AdapterValues`."""
        values = self.values.model_dump(mode="json", include=set(AdapterValues.model_fields))
        return {**values, "experts": self.experts, "item_vectors": self.item_vectors}


class TuningSettings(Section):
    """How a method is tuned for a data set.

    Attributes:
        dataset: name of the data set, for messages.
        method: name of the method, for the progress display.
        kind: what kind of method it is.
        seed: of the fine-tuning.
        backbone: where it is loaded from, and how.
        finetuning: the study's values for the data set and method.
        prompt: the study's.
        wording: the data set's sentences in prompts.
        candidates: size of a candidate set.
        candidate_seed: of the candidate sets.
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
        """The adapter's."""
        return AdapterShape(self.finetuning, self.kind)

    @property
    def description(self) -> str:
        """What the progress display calls the fine-tuning."""
        return f"fine-tuning {self.method}, seed {self.seed}"

    @classmethod
    def read_recorded(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that a provenance holds, of an earlier version too, whose keys had other names.

        Raises:
            pydantic.ValidationError: when they are no such settings.
        """
        renamed = FinetuningValues.RENAMED
        finetuning = {renamed.get(key, key): value for key, value in values["finetuning"].items()}
        return cls.read({**values, "finetuning": finetuning})
