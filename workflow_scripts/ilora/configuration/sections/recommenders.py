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
    # The register defines the ids, which a type checker cannot know.
    Recommender = str
else:
    Recommender = Literal[tuple(RECOMMENDERS)]


class MoRecSection(Section):
    """MoRec (Yuan et al. 2023): SASRec with item embeddings that are a linear map of title vectors."""

    encoder: PathText = Field(
        EMBEDDED_BACKBONE,
        description="model whose last hidden states, averaged over a title's tokens, are the title's vector: embedded "
        "(the backbone that the pipeline pretrains), all-minilm-l6-v2 (a sentence encoder: make study), a local "
        "directory, or organisation/model on the hub",
    )
    revision: Revision | None = Field(None, description="branch, tag or commit on the hub; null for its default branch")
    training: Literal["frozen", "end_to_end"] = Field(
        "frozen",
        description="whether the encoder is frozen and encodes each title once, or is trained with the rest, by a job "
        "that requests a GPU (except for the embedded backbone); a searched L2 is searched with the frozen encoder",
    )
    encoder_learning_rate: Rate = Field(
        0.0001, description="learning rate of Adam for a trained encoder, which has no L2"
    )
    compared_items: Literal["all", "batch"] = Field(
        "all",
        description="items that the loss compares the target with while the encoder is trained: all, whose titles are "
        "encoded in every step, or those of the batch",
    )

    @property
    def is_end_to_end(self) -> bool:
        """Whether the encoder is trained with the recommender."""
        return self.training == "end_to_end"

    @property
    def model(self) -> BackboneSection:
        """The encoder, as a model to load."""
        return BackboneSection(name=self.encoder, revision=self.revision)


class WeightDecaySearchSection(Section):
    """Grid of weight_decay searched: the value that is best on validation, per recommender and data set."""

    values: Annotated[tuple[Probability, ...], Field(min_length=2)] = Field(
        (0.0, 0.00001, 0.0001, 0.001, 0.01), description="values of weight_decay to try"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1,), description="training seeds; every value is trained with each, and the mean HitRatio@1 decides"
    )


class RecommendersSection(RecommenderTraining):
    """Training of the sequential recommenders (RecBole), by Adam."""

    RENAMED: ClassVar[Mapping[str, str]] = {"guide": "sequence_encoder"}

    sequence_encoder: Recommender = Field(
        "sasrec",
        description="recommender that provides behaviour tokens and sequence representations; the paper has sasrec",
    )
    embedding_size: Count = Field(64, description="width of item embeddings and of the sequence representation")
    weight_decay: WeightDecay = Field(
        0.0, description="L2 penalty of Adam; searched for the best value on validation, by weight_decay_search"
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
