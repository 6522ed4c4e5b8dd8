"""`figures`: what the figures show."""

from __future__ import annotations

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count


class FiguresSection(Section):
    """What the figures show."""

    expert_attention_sequences: Count = Field(10, description="sequences in the figure of expert attention")
    snapshot_draws: Count = Field(
        3, description="candidate sets per sequence on which a sweep with by_epoch evaluates its snapshots"
    )
    gradients: bool = Field(
        False,
        description="whether to draw clusters, gradient similarity (Fig. 1 and 3 of the paper) and the case study, "
        "which takes some minutes more for each of finetuning.snapshots",
    )
