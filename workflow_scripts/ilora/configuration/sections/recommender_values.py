"""The values of `recommenders` that training a recommender takes: its model's, and those of all trainings.

Nothing here imports the register of methods: a method that is added must train no recommender anew.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Probability, Rate


class SASRecSection(Section):
    """SASRec (Kang and McAuley 2018): self-attention over the history."""

    layers: Count = Field(2, description="Transformer layers")
    heads: Count = Field(2, description="attention heads")
    feed_forward_size: Count = Field(256, description="width inside the feed-forward blocks")
    activation: Literal["relu", "gelu"] = Field("relu", description="inside the feed-forward blocks")
    dropout: Probability = Field(0.2, description="on embeddings, attention and feed-forward blocks")


class GRU4RecSection(Section):
    """GRU4Rec (Hidasi et al. 2016): a recurrent network over the history."""

    layers: Count = Field(1, description="recurrent layers")
    hidden_size: Count = Field(128, description="width of the recurrent state")
    dropout: Probability = Field(0.3, description="on embeddings")


class CaserSection(Section):
    """Caser (Tang and Wang 2018): convolutions over the history."""

    horizontal_filters: Count = Field(8, description="for each filter height")
    vertical_filters: Count = Field(4, description="over the whole history")
    dropout: Probability = Field(0.4, description="before the last layer")
    penalty: Annotated[float, Field(ge=0)] = Field(0.0001, description="L2 penalty of RecBole (its reg_weight)")


class CaseQSection(Section):
    """CaseQ (Yang et al. 2022): layers that branch into units, mixed by the context that a gate infers."""

    unit: Literal["sasrec", "gru"] = Field(
        "sasrec", description="of which there are several in a layer: SASRec's Transformer layer, or GRU4Rec's"
    )
    units: Count = Field(3, description="of each layer, K; with one, it is the recommender that has the units")
    layers: Count = Field(2, description="branching layers D, so K ** D contexts")
    kl_weight: Annotated[float, Field(ge=0)] = Field(
        0.5,
        description="of the divergence of a history's contexts from their prior, the causal part of the objective; "
        "caseq_without_kl has 0",
    )
    pseudo_sequences: Count = Field(
        5, description="histories of random items whose mean is the prior, drawn anew in each step"
    )
    heads: Count = Field(2, description="attention heads of a unit (sasrec)")
    feed_forward_size: Count = Field(256, description="width inside the feed-forward blocks (sasrec)")
    activation: Literal["relu", "gelu"] = Field("relu", description="inside the feed-forward blocks (sasrec)")
    dropout: Probability = Field(0.2, description="on embeddings, attention and feed-forward blocks")


Loss = Literal["cross_entropy", "binary_cross_entropy"]


class RecommenderTraining(Section):
    """How every recommender is trained, but for its L2; the budget is in epochs, never in seconds."""

    learning_rate: Rate = Field(0.001, description="of Adam")
    batch_size: Count = Field(256, description="training sequences in a step")
    maximum_epochs: Count = Field(12, description="passes over the training sequences, at most")
    evaluations_per_epoch: Count = Field(2, description="validations in an epoch")
    loss: Loss = Field(
        "cross_entropy",
        description="over all items, or the target against one random item that is not in the history (SASRec's own)",
    )
    validated_by: Literal["candidates", "full_ranking"] = Field(
        "candidates",
        description="what decides when training stops: HitRatio@1 on the candidate sets of the validation split, or "
        "NDCG@10 of its targets among all items",
    )
    patience: Count = Field(10, description="validations without improvement before training stops")
