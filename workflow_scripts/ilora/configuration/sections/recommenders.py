"""`recommenders`: training of the sequential recommenders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.sections.backbone import EMBEDDED_BACKBONE, BackboneSection
from ilora.configuration.sections.recommender_values import (
    CaseQSection,
    CaserSection,
    GRU4RecSection,
    RecommenderTraining,
    SASRecSection,
)
from ilora.configuration.types import SEARCHED, Count, PathText, Probability, Rate, Revision, Seed, WeightDecay
from ilora.methods.register import RECOMMENDERS

if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    Recommender = str
else:
    Recommender = Literal[tuple(RECOMMENDERS)]


class MoRecSection(Section):
    """MoRec (Yuan et al. 2023): SASRec, whose item embeddings are a linear map of the titles' vectors."""

    encoder: PathText = Field(
        EMBEDDED_BACKBONE,
        description="model whose last hidden states, averaged over a title's tokens, are its vector: embedded (the "
        "backbone that the pipeline pretrains), all-minilm-l6-v2 (an encoder of sentences: make study), a local "
        "directory, or organisation/model on the hub",
    )
    revision: Revision | None = Field(None, description="branch, tag or commit on the hub; null for its default branch")
    training: Literal["frozen", "end_to_end"] = Field(
        "frozen",
        description="of the encoder: it stays as it is and reads each title once, or it is trained with the rest, "
        "by a job that asks for a GPU (not for the embedded one); an L2 that is searched is that of the frozen one",
    )
    encoder_learning_rate: Rate = Field(0.0001, description="of Adam on the encoder, where it is trained; without L2")
    compared_items: Literal["all", "batch"] = Field(
        "all",
        description="what the loss compares the target with, where the encoder is trained: all items, of which each "
        "step encodes the titles, or those of the batch",
    )

    @property
    def is_end_to_end(self) -> bool:
        """Whether the encoder is trained with the recommender."""
        return self.training == "end_to_end"

    @property
    def model(self) -> BackboneSection:
        """The encoder as the model that it is."""
        return BackboneSection(name=self.encoder, revision=self.revision)


class WeightDecaySearchSection(Section):
    """What weight_decay searched chooses from, for each recommender and data set: the best on validation."""

    values: Annotated[tuple[Probability, ...], Field(min_length=2)] = Field(
        (0.0, 0.00001, 0.0001, 0.001, 0.01), description="of weight_decay"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1,), description="each trains every value once; the mean of their HitRatio@1 on validation decides"
    )


class RecommendersSection(RecommenderTraining):
    """Training of the sequential recommenders (RecBole), by Adam."""

    RENAMED: ClassVar[Mapping[str, str]] = {"guide": "sequence_encoder"}

    sequence_encoder: Recommender = Field(
        "sasrec",
        description="gives the behaviour tokens and the sequence representation; sasrec is the paper's",
    )
    embedding_size: Count = Field(64, description="of items, and of the sequence representation")
    weight_decay: WeightDecay = Field(
        0.0, description="L2 of Adam; searched for what is best on validation, by weight_decay_search"
    )
    sasrec: SASRecSection = SASRecSection()
    gru4rec: GRU4RecSection = GRU4RecSection()
    caser: CaserSection = CaserSection()
    caseq: CaseQSection = CaseQSection()
    morec: MoRecSection = MoRecSection()
    weight_decay_search: WeightDecaySearchSection = WeightDecaySearchSection()

    @property
    def is_weight_decay_searched(self) -> bool:
        """Whether the L2 of each recommender is the best of several values."""
        return self.weight_decay == SEARCHED
