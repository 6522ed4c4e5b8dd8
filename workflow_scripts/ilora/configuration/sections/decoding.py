"""`decoding`: how the language model answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count


class DecodingSection(Section):
    """How the language model answers."""

    batch_size: Count = Field(32, description="prompts that are answered together")
    maximum_new_tokens: Count = Field(32, description="tokens of an answer, if it does not end before")
    constrained: bool = Field(False, description="write nothing but titles of candidates, whatever their length")
    candidate_score: Literal["sum", "mean"] = Field(
        "sum",
        description="log-probability that scores a candidate beside the text: of its whole title, or the mean over "
        "the title's tokens, which favours long titles",
    )
