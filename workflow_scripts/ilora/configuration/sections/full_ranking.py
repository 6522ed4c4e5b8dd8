"""`full_ranking`: targets ranked among all items, beside the choice among candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.methods.register import FULL_RANKING

if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    RankingMethod = str
else:
    RankingMethod = Literal[FULL_RANKING]


class FullRankingSection(Section):
    """Each target ranked among all items (Table 2) by the methods that can; language models by open prompts alone."""

    enabled: bool = Field(False, description="whether the study ranks them")
    seen_items: Literal["ranked", "left_out"] = Field(
        "ranked", description="what becomes of the items that the user had before the target"
    )
    reference: RankingMethod = Field("sasrec", description="method that all others are compared with, in NDCG@10")
