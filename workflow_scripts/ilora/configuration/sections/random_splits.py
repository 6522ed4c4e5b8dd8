"""`random_splits`: how far a number depends on which users are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.methods.register import BASELINES, RECOMMENDERS

if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    SplitMethod = str
else:
    # MoRec reads vectors of titles, which a backbone that was pretrained on one split makes.
    SplitMethod = Literal[(*BASELINES, *(name for name in RECOMMENDERS if name != "morec"))]


class RandomSplitsSection(Section):
    """Users split at random again and again: how far HitRatio@1 depends on who is tested."""

    number: Annotated[int, Field(ge=0)] = Field(
        0, description="splits, of the seeds 0, 1, 2 and so on, beside the study's own; 0 leaves this study out"
    )
    methods: Annotated[tuple[SplitMethod, ...], Field(min_length=1)] = Field(
        ("popularity", "markov"), description="what is measured on each; recommenders are trained with the first seed"
    )
