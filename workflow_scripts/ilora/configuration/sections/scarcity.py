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
    """Accuracy with few training users, with short histories of test users, and on rare items."""

    shares: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        (),
        description="percentages of the training users to train on, 100 among them; empty to skip",
    )
    draws: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1, 2, 3),
        description="seeds of the order in which training users are taken; the shares of one draw are nested",
    )
    lengths: tuple[Count, ...] = Field(
        (),
        description="numbers of latest items to which val and test histories are cut, data.maximum_history among "
        "them; empty to skip",
    )
    frequency_floors: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="lower bounds of the groups of targets by training interactions, such as [0, 1, 5, 20, 100]; "
        "empty to skip",
    )
    methods: tuple[ScarcityMethod, ...] = Field(
        ("popularity", "markov"), description="methods of the study to evaluate"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] | None = Field(
        None, description="seeds of the study to train on shares; null for all"
    )
