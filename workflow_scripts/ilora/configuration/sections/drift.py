"""`drift`: how methods age as users change, measured by withheld items and over periods of a global clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.methods.register import CHAT_METHODS, LABELS

if TYPE_CHECKING:
    # The register defines the ids, which a type checker cannot know.
    DriftMethod = str
else:
    # A chat model is not trained on any data that could be withheld.
    DriftMethod = Literal[tuple(name for name in LABELS if name not in CHAT_METHODS)]


class DriftSection(Section):
    """How methods age: with recent items of each user withheld (protocol gap), and over time periods (rolling)."""

    gaps: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="numbers of items before each user's last one to withhold from training, 0 among them; empty to "
        "skip gaps",
    )
    periods: Annotated[int, Field(ge=0)] = Field(
        0, description="consecutive time periods, each with about as many interactions; 0 to skip them"
    )
    first_training: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="share of the interactions that lie before the first period, its training data"
    )
    methods: tuple[DriftMethod, ...] = Field(
        ("popularity", "markov"), description="which of the study's methods are trained and measured on each"
    )
