"""`generative`: recommenders that write the id of the next item.

Nothing here imports the register of methods: a method that is added must quantise and train nothing anew.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Name, Probability, Rate

Level = Literal["category", "title", "description", "collaborative"]
LevelOrder = Literal["coarse_to_fine", "fine_to_coarse", "random"]


Overrides = Annotated[dict[Name, JsonValue], Field(min_length=1)]
"""What a run replaces in the section of its method."""


class QuantiserTraining(Section):
    """Training of codebooks with the network around them: AdamW, a fixed number of passes over the items."""

    hidden_sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (512, 256, 128), description="widths inside the encoder; the decoder has them the other way round"
    )
    code_size: Count = Field(32, description="width of a code's vector")
    beta: Annotated[float, Field(ge=0)] = Field(0.25, description="weight of the commitment")
    learning_rate: Rate = Field(0.001, description="of AdamW")
    weight_decay: Probability = Field(0.01, description="of AdamW")
    batch_size: Count = Field(1024, description="items in a step")
    warmup_epochs: Annotated[int, Field(ge=0)] = Field(
        50, description="passes before, without codebooks; k-means begins these on what is then encoded"
    )
    epochs: Count = Field(500, description="passes over the items")


class GeneratorValues(Section):
    """The T5 that writes ids, from scratch: its widths are TIGER's; its training and its beam search."""

    layers: Count = Field(4, description="of the encoder, and of the decoder")
    width: Count = Field(128, description="of the model")
    feed_forward_size: Count = Field(1024, description="width inside the feed-forward blocks")
    heads: Count = Field(6, description="attention heads")
    head_size: Count = Field(64, description="width of a head")
    dropout: Probability = Field(0.1, description="everywhere in the T5")
    maximum_history: Count = Field(20, description="items of a history that are read, the latest ones")
    learning_rate: Rate = Field(0.0005, description="peak learning rate of AdamW; cosine after the warm-up")
    warmup_fraction: Probability = Field(0.01, description="share of the steps until the peak")
    weight_decay: Probability = Field(0.01, description="of AdamW")
    batch_size: Count = Field(256, description="training sequences in a step")
    epochs: Count = Field(200, description="passes over the training sequences, at most")
    validation_every: Count = Field(500, description="steps between measurements of the validation loss")
    patience: Count = Field(10, description="measurements without a lower loss before training stops")
    beams: Annotated[int, Field(ge=2)] = Field(50, description="ids that the beam search keeps, and ranks")


class TigerSection(Section):
    """TIGER (Rajput et al. 2023): ids of residual codes of an item's text."""

    quantiser: Literal["rq_vae", "residual_k_means"] = Field(
        "rq_vae", description="of the paper, or k-means on residuals, which needs no gradient"
    )
    levels: Count = Field(3, description="codes of an item")
    codebook_size: Count = Field(256, description="codes of each level")
    collision_token: bool = Field(True, description="whether one token more tells items of the same codes apart")
    user_tokens: Annotated[int, Field(ge=0)] = Field(
        2000, description="tokens before a history, to one of which each user is hashed; 0 for none"
    )


class CoFiRecSection(Section):
    """CoFiRec (Wei et al. 2025): a code for each level of what is known of an item, coarse to fine."""

    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = Field(
        ("category", "title", "description", "collaborative"),
        description="a level that a data set lacks is left out; collaborative are SASRec's item embeddings",
    )
    codebook_size: Count = Field(512, description="codes of each level")
    order: LevelOrder = Field("coarse_to_fine", description="in which the levels are written")
    level_embedding: bool = Field(True, description="whether a token's embedding has its level's added")
    position_embedding: bool = Field(True, description="whether it has its position's in the history added")

    @property
    def reads_interactions(self) -> bool:
        """Whether ids are made of a recommender's item embeddings too."""
        return "collaborative" in self.levels


class GenerativeSection(Section):
    """Recommenders that write the id of the next item, token by token; recommenders.morec.encoder reads the texts."""

    quantiser_training: QuantiserTraining = QuantiserTraining()
    generator: GeneratorValues = GeneratorValues()
    tiger: TigerSection = TigerSection()
    cofirec: CoFiRecSection = CoFiRecSection()
    ablations: dict[Name, tuple[Overrides, ...]] = Field(
        default={},
        description="by method, what runs beside its own one replace in the section above, a figure for each method, "
        "such as {cofirec: [{order: random}, {level_embedding: false, position_embedding: false}]}",
    )
