"""`negative_transfer`: synthetic users in groups that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Rate, Seed


class NegativeTransferSection(Section):
    """Synthetic users in groups that contradict each other: negative transfer in isolation."""

    RENAMED: ClassVar[Mapping[str, str]] = {"rank": "r", "alpha": "lora_alpha"}

    degrees: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        (), description="shares of the items on which the groups' rules differ; empty to skip this study"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1, 2, 3, 4, 5), description="seeds of users, representations and initial weights"
    )
    groups: Annotated[int, Field(ge=2)] = Field(4, description="groups of users, and experts K of iLoRA")
    items: Count = Field(48, description="items that all groups share")
    history: Annotated[int, Field(ge=2)] = Field(6, description="items in a history")
    backbone_seed: Seed = Field(
        0, description="seed of the backbone's initial weights and pretraining, the same for all seeds"
    )
    pretraining_steps: Count = Field(1500, description="pretraining steps of the backbone")
    r: Count = Field(8, description="rank of LoRA, divided among the experts")
    lora_alpha: Annotated[float, Field(gt=0)] = Field(32.0, description="LoRA's alpha: its update is scaled by alpha/r")
    steps: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (100, 300), description="optimizer steps after which hits are counted; the last ends fine-tuning"
    )
    batch_size: Count = Field(64, description="sequences per step, equally many of each group")
    learning_rate: Rate = Field(0.005, description="peak learning rate of LoRA and the gate")
    test_sequences: Count = Field(2000, description="test sequences on which hits are counted")
