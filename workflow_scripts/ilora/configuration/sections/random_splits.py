"""`random_splits`: how much the results depend on which users are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.methods.register import BASELINES, RECOMMENDERS

if TYPE_CHECKING:
    # The register defines the ids, which a type checker cannot know.
    SplitMethod = str
else:
    # MoRec reads title vectors of a backbone, which was pretrained on one split.
    SplitMethod = Literal[(*BASELINES, *(name for name in RECOMMENDERS if name != "morec"))]


class RandomSplitsSection(Section):
    """Repeated random splits of the users: how much HitRatio@1 depends on which users are tested."""

    number: Annotated[int, Field(ge=0)] = Field(
        0, description="number of splits, with seeds 0, 1, 2 and so on, besides the study's own; 0 to skip this study"
    )
    methods: Annotated[tuple[SplitMethod, ...], Field(min_length=1)] = Field(
        ("popularity", "markov"),
        description="methods measured on each split; recommenders are trained with the study's first seed",
    )
