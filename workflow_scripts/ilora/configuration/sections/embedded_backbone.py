"""`embedded_backbone`: the small Llama that the pipeline pretrains itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Probability, Rate, Seed


class EmbeddedBackboneSection(Section):
    """The small Llama of backbone.name embedded: its architecture and its pretraining on the training split."""

    seed: Seed = Field(
        0, description="seed of the initial weights and of pretraining, the same for all seeds of the study"
    )
    vocabulary_size: Annotated[int, Field(ge=300)] = Field(
        6000, description="vocabulary of the byte-level BPE tokenizer"
    )
    hidden_size: Count = Field(128, description="width of the hidden states")
    layers: Annotated[int, Field(ge=2)] = Field(3, description="Transformer layers")
    heads: Count = Field(2, description="attention heads")
    intermediate_size: Count = Field(352, description="width inside the feed-forward blocks")
    steps: Count = Field(2000, description="pretraining steps")
    batch_size: Count = Field(16, description="prompts per step")
    learning_rate: Rate = Field(0.002, description="peak learning rate")
    warmup_steps: Annotated[int, Field(ge=0)] = Field(100, description="steps up to the peak; cosine decay after it")
    weight_decay: Probability = Field(0.05, description="weight decay of AdamW")
