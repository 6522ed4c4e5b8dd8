"""`feedback`: a simulation of recommend, click and retrain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Rate, Seed

Retraining = Literal["warm_start", "anew"]
"""Initial weights of a retraining: those of the previous round, or untrained ones."""

Share = Annotated[float, Field(gt=0, le=1)]
OneOrLess = Annotated[float, Field(ge=0, le=1)]


class FeedbackSection(Section):
    """A simulation of recommend, click and retrain, with the synthetic users and backbone of negative_transfer."""

    rounds: Annotated[int, Field(ge=0)] = Field(
        0, description="rounds after the first, whose slates are random; 0 to skip this simulation"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1, 2, 3), description="seeds of users, drift, visits, clicks and initial weights"
    )
    users: Count = Field(2000, description="simulated users; each visits once per round")
    group_shares: Annotated[tuple[Share, ...], Field(min_length=2)] = Field(
        (0.4, 0.3, 0.2, 0.1),
        description="share of the users in each of the negative_transfer.groups groups; they add up to 1",
    )
    degree: OneOrLess = Field(0.5, description="share of the items on which the groups' rules differ")
    taste_drift: OneOrLess = Field(
        0.05,
        description="probability, in each round, that the rules of an item rotate: each group takes over that of the "
        "next group",
    )
    relevance_of_next: Share = Field(
        0.8, description="probability that a user likes the item that the group's rule names"
    )
    relevance_of_others: OneOrLess = Field(0.02, description="probability that a user likes any other item")
    examination: Annotated[tuple[Share, ...], Field(min_length=1)] = Field(
        (0.9, 0.6, 0.4, 0.3, 0.2), description="probability that a user examines each position of a slate"
    )
    exploration: OneOrLess = Field(0.1, description="share of the visits that get a random slate")
    group_in_prompt: Literal["hidden", "named"] = Field(
        "named", description="whether SASRec and the language model see the user's group"
    )
    retraining: Retraining = Field(
        "warm_start", description="whether each round starts from the weights of the previous round, or from scratch"
    )
    recommender_steps: Count = Field(300, description="training steps of SASRec after each round")
    recommender_learning_rate: Rate = Field(0.001, description="learning rate of Adam for SASRec")
    adapter_steps: Count = Field(60, description="training steps of LoRA and iLoRA after each round")
    adapter_learning_rate: Rate = Field(0.005, description="peak learning rate of LoRA and the gate")
    batch_size: Count = Field(64, description="clicks per step, drawn from the log of all rounds so far")
