"""`prompt`: how a sequence is written as text."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ilora.configuration.section import Section


class PromptSection(Section):
    """How a sequence is written as text."""

    candidates: Literal["listed", "none"] = Field(
        "listed",
        description="whether a prompt lists the candidates, as in the paper; with none it asks for any item, which "
        "a language model needs to rank all items (full_ranking)",
    )
    order: Literal["candidates_first", "history_first"] = Field(
        "candidates_first", description="order of the two lists; the paper has history_first"
    )
    behaviour_token: Literal["before_title", "after_title"] = Field(
        "before_title",
        description="position of an item's behaviour token; the paper has after_title",
    )
    template: Literal["plain", "chat"] = Field(
        "plain",
        description="plain: a text that the backbone continues; chat: the user's message in the backbone's own chat "
        "template, with the answer as the assistant's",
    )
