"""`scarcity`: how methods do with few training users, short histories and rare items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Seed
from ilora.methods.register import CHAT_METHODS, GENERATORS, LABELS

if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    ScarcityMethod = str
else:
    # Chat models are not trained on the users, and generators answer no other histories than those of their protocol.
    ScarcityMethod = Literal[tuple(name for name in LABELS if name not in (*CHAT_METHODS, *GENERATORS))]


class ScarcitySection(Section):
    """How methods do with few training users, with short histories of test users, and on rare items."""

    shares: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        (),
        description="percentages of the training users that methods are trained on, 100 among them; none leaves "
        "them out",
    )
    draws: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1, 2, 3),
        description="each a seed of the order in which training users are taken, so that of one draw smaller "
        "shares are part of larger ones",
    )
    lengths: tuple[Count, ...] = Field(
        (),
        description="latest items that val and test histories are cut to, data.maximum_history among them; none "
        "leaves them out",
    )
    frequency_floors: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="smallest numbers of training interactions of groups of targets, such as [0, 1, 5, 20, 100]; "
        "none leaves them out",
    )
    methods: tuple[ScarcityMethod, ...] = Field(
        ("popularity", "markov"), description="what is trained and measured on each, of the study's methods"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] | None = Field(
        None, description="of the study's seeds, those that are trained on shares; null for all"
    )
