"""What tells one method of the language model from another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PromptKind = Literal["text", "hybrid"]
AdapterKind = Literal["none", "uniform", "instance_wise"]


@dataclass(frozen=True)
class LanguageModelMethod:
    """A way to have the language model choose among candidates; all of them go the same path.

    Attributes:
        name: the id in configurations and paths.
        label: the name in tables and figures.
        prompt: ``text`` (titles alone), or ``hybrid`` (beside each title a behaviour token, made from what the
            sequence encoder knows of the item).
        adapter: ``none`` (the backbone as it is), ``uniform`` (LoRA), or ``instance_wise`` (LoRA behind a gate that
            reads the sequence encoder's representation of the sequence).
        finetuning: its own values of the configuration's `finetuning`, over those that all methods share.
        decoding: its own values of the configuration's `decoding`.

    Raises:
        ValueError: if prompt and adapter do not go together.
    """

    name: str
    label: str
    prompt: PromptKind
    adapter: AdapterKind
    finetuning: Mapping[str, Any] = field(default_factory=dict)
    decoding: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        needed = {"none": "text", "instance_wise": "hybrid"}.get(self.adapter, self.prompt)
        if self.prompt != needed:
            raise ValueError(
                f"{self.name}: found the prompt {self.prompt} with the adapter {self.adapter}, expected {needed}: only "
                "fine-tuning teaches a model to read behaviour tokens, and a gate reads what makes them"
            )

    @property
    def is_tuned(self) -> bool:
        """Whether it fine-tunes an adapter."""
        return self.adapter != "none"

    @property
    def is_hybrid(self) -> bool:
        """Whether its prompts hold behaviour tokens, so that it needs a sequence encoder and a projector."""
        return self.prompt == "hybrid"

    @property
    def is_gated(self) -> bool:
        """Whether each sequence has weights of its own for the experts of the adapter."""
        return self.adapter == "instance_wise"
