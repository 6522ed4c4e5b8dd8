"""`prompt`: how a sequence is put into words."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ilora.configuration.section import Section


class PromptSection(Section):
    """How a sequence is put into words."""

    candidates: Literal["listed", "none"] = Field(
        "listed",
        description="whether a prompt lists the candidates, as the paper's does; none asks for any item, and is what a "
        "language model ranks all items by (full_ranking)",
    )
    order: Literal["candidates_first", "history_first"] = Field(
        "candidates_first", description="what comes first of both lists; history_first is the paper's"
    )
    behaviour_token: Literal["before_title", "after_title"] = Field(
        "before_title",
        description="where an item's behaviour token stands; after_title is the paper's",
    )
    template: Literal["plain", "chat"] = Field(
        "plain",
        description="plain is a text that the backbone goes on with; chat is the user's message in the backbone's own "
        "chat template, and the answer is the assistant's",
    )
