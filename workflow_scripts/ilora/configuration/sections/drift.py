"""`drift`: how methods age when users change, by withheld items and by periods of a global clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.methods.register import CHAT_METHODS, LABELS

if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    DriftMethod = str
else:
    # A chat model is not trained on anything that could be withheld from it.
    DriftMethod = Literal[tuple(name for name in LABELS if name not in CHAT_METHODS)]


class DriftSection(Section):
    """How methods age: with items of each user withheld (protocol gap), and over periods of one clock (rolling)."""

    gaps: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="last but one items of each user withheld from training, 0 among them; none leaves gaps out"
    )
    periods: Annotated[int, Field(ge=0)] = Field(
        0, description="periods that the clock moves through, each with about as many interactions; 0 leaves them out"
    )
    first_training: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="share of the interactions before the first period, which is what is known then"
    )
    methods: tuple[DriftMethod, ...] = Field(
        ("popularity", "markov"), description="what is trained and measured on each, of the study's methods"
    )
