"""`full_ranking`: targets ranked among all items, in addition to the choice among candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.methods.register import FULL_RANKING

if TYPE_CHECKING:
    # The register defines the ids, which a type checker cannot know.
    RankingMethod = str
else:
    RankingMethod = Literal[FULL_RANKING]


class FullRankingSection(Section):
    """Rank of each target among all items (Table 2); language models need prompt.candidates none."""

    enabled: bool = Field(False, description="whether the study computes these rankings")
    seen_items: Literal["ranked", "left_out"] = Field(
        "ranked", description="whether items that the user had before the target are ranked or left out"
    )
    reference: RankingMethod = Field("sasrec", description="method that all others are compared with, by NDCG@10")

    @property
    def leaves_seen_out(self) -> bool:
        """Whether the items that a user had before a target are left out of the ranking."""
        return self.seen_items == "left_out"
