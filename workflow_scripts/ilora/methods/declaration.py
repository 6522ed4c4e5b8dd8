"""Declarations of the language-model methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PromptKind = Literal["text", "hybrid"]
AdapterKind = Literal["none", "uniform", "instance_wise"]


@dataclass(frozen=True)
class LanguageModelMethod:
    """A method with which the language model chooses among candidates; all methods share one implementation.

    Attributes:
        name: id in configurations and paths.
        label: name in tables and figures.
        prompt: ``text`` (titles only), or ``hybrid`` (each title with a behaviour token, computed from the sequence
            encoder's embedding of the item).
        adapter: ``none`` (the untuned backbone), ``uniform`` (LoRA), or ``instance_wise`` (LoRA with a gate that reads
            the sequence encoder's representation of the sequence).
        finetuning: values of the configuration's `finetuning` that override the common ones.
        decoding: values of the configuration's `decoding` that override the common ones.

    Raises:
        ValueError: if prompt and adapter are incompatible.
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
                "fine-tuning teaches a model to read behaviour tokens, and a gate needs the sequence encoder"
            )

    @property
    def is_tuned(self) -> bool:
        """Whether the method fine-tunes an adapter."""
        return self.adapter != "none"

    @property
    def is_hybrid(self) -> bool:
        """Whether prompts contain behaviour tokens, which need a sequence encoder and a projector."""
        return self.prompt == "hybrid"

    @property
    def is_gated(self) -> bool:
        """Whether each sequence has its own weights for the experts of the adapter."""
        return self.adapter == "instance_wise"
