"""`decoding`: how the language model answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count


class DecodingSection(Section):
    """How the language model answers."""

    batch_size: Count = Field(32, description="prompts answered together")
    maximum_new_tokens: Count = Field(32, description="longest answer, in tokens")
    constrained: bool = Field(False, description="generate only titles of candidates, whatever their length")
    candidate_score: Literal["sum", "mean"] = Field(
        "sum",
        description="score of a candidate, computed in addition to the generated text: the log-probability of its "
        "title, summed over the title's tokens or their mean, which favours long titles",
    )
