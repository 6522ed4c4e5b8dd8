"""`generative`: recommenders that generate the id of the next item.

Nothing here imports the register of methods, so that adding a method repeats no quantisation or training.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Name, Probability, Rate

Level = Literal["category", "title", "description", "collaborative"]
LevelOrder = Literal["coarse_to_fine", "fine_to_coarse", "random"]


Overrides = Annotated[dict[Name, JsonValue], Field(min_length=1)]
"""Settings that a run replaces in the section of its method."""


class QuantiserTraining(Section):
    """Training of the codebooks with their encoder and decoder: AdamW, a fixed number of passes over the items."""

    hidden_sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (512, 256, 128), description="hidden widths of the encoder; the decoder has them in reverse"
    )
    code_size: Count = Field(32, description="width of a code vector")
    beta: Annotated[float, Field(ge=0)] = Field(0.25, description="weight of the commitment loss")
    learning_rate: Rate = Field(0.001, description="learning rate of AdamW")
    weight_decay: Probability = Field(0.01, description="weight decay of AdamW")
    batch_size: Count = Field(1024, description="items per step")
    warmup_epochs: Annotated[int, Field(ge=0)] = Field(
        50, description="earlier passes without codebooks; k-means on their encodings initialises the codebooks"
    )
    epochs: Count = Field(500, description="passes over the items")


class GeneratorValues(Section):
    """The T5, trained from scratch, that generates ids: its architecture (TIGER's widths), training and beam search."""

    layers: Count = Field(4, description="layers of the encoder, and of the decoder")
    width: Count = Field(128, description="width of the model")
    feed_forward_size: Count = Field(1024, description="width inside the feed-forward blocks")
    heads: Count = Field(6, description="attention heads")
    head_size: Count = Field(64, description="width of a head")
    dropout: Probability = Field(0.1, description="dropout throughout the T5")
    maximum_history: Count = Field(20, description="longest history; only the latest items are read")
    learning_rate: Rate = Field(0.0005, description="peak learning rate of AdamW; cosine decay after the warm-up")
    warmup_fraction: Probability = Field(0.01, description="fraction of the steps up to the peak")
    weight_decay: Probability = Field(0.01, description="weight decay of AdamW")
    batch_size: Count = Field(256, description="training sequences per step")
    epochs: Count = Field(200, description="maximum passes over the training sequences")
    validation_every: Count = Field(500, description="steps between measurements of the validation loss")
    patience: Count = Field(10, description="measurements without a lower loss before training stops")
    beams: Annotated[int, Field(ge=2)] = Field(50, description="beams of the beam search, and so the ids that it ranks")


class TigerSection(Section):
    """TIGER (Rajput et al. 2023): ids from the residual codes of an item's text."""

    quantiser: Literal["rq_vae", "residual_k_means"] = Field(
        "rq_vae", description="the RQ-VAE of the paper, or k-means on residuals, which needs no gradient"
    )
    levels: Count = Field(3, description="codes per item")
    codebook_size: Count = Field(256, description="codes per level")
    collision_token: bool = Field(True, description="whether an extra token distinguishes items with the same codes")
    user_tokens: Annotated[int, Field(ge=0)] = Field(
        2000, description="user tokens; each user is hashed to one, which precedes the history; 0 for none"
    )


class CoFiRecSection(Section):
    """CoFiRec (Wei et al. 2025): a code for each level of information about an item, from coarse to fine."""

    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = Field(
        ("category", "title", "description", "collaborative"),
        description="levels of an id; one that a data set lacks is left out; collaborative is SASRec's item embedding",
    )
    codebook_size: Count = Field(512, description="codes per level")
    order: LevelOrder = Field("coarse_to_fine", description="order in which the levels are generated")
    level_embedding: bool = Field(True, description="whether an embedding of its level is added to each token's")
    position_embedding: bool = Field(
        True, description="whether an embedding of its position in the history is added to each token's"
    )

    @property
    def reads_interactions(self) -> bool:
        """Whether ids also depend on a recommender's item embeddings."""
        return "collaborative" in self.levels


class GenerativeSection(Section):
    """Recommenders that generate the id of the next item token by token; recommenders.morec.encoder encodes texts."""

    quantiser_training: QuantiserTraining = QuantiserTraining()
    generator: GeneratorValues = GeneratorValues()
    tiger: TigerSection = TigerSection()
    cofirec: CoFiRecSection = CoFiRecSection()
    ablations: dict[Name, tuple[Overrides, ...]] = Field(
        default={},
        description="by method, additional runs and the settings that each replaces in the method's section, such as "
        "{cofirec: [{order: random}, {level_embedding: false, position_embedding: false}]}; one figure per method",
    )
