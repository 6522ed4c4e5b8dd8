"""The values of `recommenders` that training a recommender reads: its model's, and those that all share.

Nothing here imports the register of methods, so that adding a method retrains no recommender.
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
    activation: Literal["relu", "gelu"] = Field("relu", description="activation inside the feed-forward blocks")
    dropout: Probability = Field(0.2, description="dropout on embeddings, attention and feed-forward blocks")


class GRU4RecSection(Section):
    """GRU4Rec (Hidasi et al. 2016): a recurrent network over the history."""

    layers: Count = Field(1, description="recurrent layers")
    hidden_size: Count = Field(128, description="width of the recurrent state")
    dropout: Probability = Field(0.3, description="dropout on embeddings")


class CaserSection(Section):
    """Caser (Tang and Wang 2018): convolutions over the history."""

    horizontal_filters: Count = Field(8, description="horizontal filters per filter height")
    vertical_filters: Count = Field(4, description="vertical filters, over the whole history")
    dropout: Probability = Field(0.4, description="dropout before the last layer")
    penalty: Annotated[float, Field(ge=0)] = Field(0.0001, description="RecBole's L2 penalty (reg_weight)")


class CaseQSection(Section):
    """CaseQ (Yang et al. 2022): layers of parallel units, mixed by the context that a gate infers."""

    unit: Literal["sasrec", "gru"] = Field(
        "sasrec", description="type of unit: SASRec's Transformer layer, or GRU4Rec's recurrent layer"
    )
    units: Count = Field(3, description="units per layer, K; with one, it is the recommender whose units it has")
    layers: Count = Field(2, description="branching layers D, which give K ** D contexts")
    kl_weight: Annotated[float, Field(ge=0)] = Field(
        0.5,
        description="weight of the KL divergence of a history's contexts from their prior, the causal part of the "
        "objective; 0 in caseq_without_kl",
    )
    pseudo_sequences: Count = Field(
        5, description="histories of random items, drawn anew in each step, whose mean is the prior"
    )
    heads: Count = Field(2, description="attention heads of a unit (sasrec)")
    feed_forward_size: Count = Field(256, description="width inside the feed-forward blocks (sasrec)")
    activation: Literal["relu", "gelu"] = Field(
        "relu", description="activation inside the feed-forward blocks (sasrec)"
    )
    dropout: Probability = Field(0.2, description="dropout on embeddings, attention and feed-forward blocks")


Loss = Literal["cross_entropy", "binary_cross_entropy"]


class RecommenderTraining(Section):
    """Training settings that all recommenders share, without L2; the budget is in epochs, never in seconds."""

    learning_rate: Rate = Field(0.001, description="learning rate of Adam")
    batch_size: Count = Field(256, description="training sequences per step")
    length_grouped: bool = Field(
        False,
        description="draw batches of histories of similar length at random, which saves padding where most histories "
        "are far shorter than data.maximum_history; caser and caseq are no faster",
    )
    maximum_epochs: Count = Field(12, description="maximum passes over the training sequences")
    evaluations_per_epoch: Count = Field(2, description="validations per epoch")
    loss: Loss = Field(
        "cross_entropy",
        description="loss over all items, or of the target against one random item that is not in the history "
        "(SASRec's own)",
    )
    validated_by: Literal["candidates", "full_ranking"] = Field(
        "candidates",
        description="metric for early stopping: HitRatio@1 on the candidate sets of the validation split, or NDCG@10 "
        "of its targets among all items",
    )
    patience: Count = Field(10, description="validations without improvement before training stops")
