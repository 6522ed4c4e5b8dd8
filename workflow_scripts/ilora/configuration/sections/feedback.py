"""`feedback`: a simulation of recommend, click and retrain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Rate, Seed

Retraining = Literal["warm_start", "anew"]
"""What a retraining begins with: the weights of the one before, or untrained ones."""

Share = Annotated[float, Field(gt=0, le=1)]
OneOrLess = Annotated[float, Field(ge=0, le=1)]


class FeedbackSection(Section):
    """A simulation of recommend, click and retrain, by the synthetic users and the backbone of negative_transfer."""

    rounds: Annotated[int, Field(ge=0)] = Field(
        0, description="rounds after the first one, in which slates are random; 0 leaves this study out"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1, 2, 3), description="of users, drift, visits, clicks and initial weights"
    )
    users: Count = Field(2000, description="who visit once each round")
    group_shares: Annotated[tuple[Share, ...], Field(min_length=2)] = Field(
        (0.4, 0.3, 0.2, 0.1), description="of the users, one for each of negative_transfer.groups; they add up to 1"
    )
    degree: OneOrLess = Field(0.5, description="share of the items on which the groups' rules differ")
    taste_drift: OneOrLess = Field(
        0.05, description="probability, each round, that an item turns: on it each group takes the next one's rule"
    )
    relevance_of_next: Share = Field(0.8, description="probability that a user likes the item that the rule names")
    relevance_of_others: OneOrLess = Field(0.02, description="probability that a user likes any other item")
    examination: Annotated[tuple[Share, ...], Field(min_length=1)] = Field(
        (0.9, 0.6, 0.4, 0.3, 0.2), description="probability that each position of a slate is examined"
    )
    exploration: OneOrLess = Field(0.1, description="share of the visits that are shown a random slate")
    group_in_prompt: Literal["hidden", "named"] = Field(
        "named", description="whether SASRec and the language model are told the group of a user"
    )
    retraining: Retraining = Field(
        "warm_start", description="each round's begins with the weights of the one before, or anew"
    )
    recommender_steps: Count = Field(300, description="steps of SASRec after each round")
    recommender_learning_rate: Rate = Field(0.001, description="of Adam on SASRec")
    adapter_steps: Count = Field(60, description="steps of LoRA and iLoRA after each round")
    adapter_learning_rate: Rate = Field(0.005, description="peak learning rate of LoRA and gate")
    batch_size: Count = Field(64, description="clicks in a step, drawn from the log of all rounds so far")
