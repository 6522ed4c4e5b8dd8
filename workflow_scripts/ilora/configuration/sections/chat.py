"""`chat`: the chat model of gpt4 and chatrec."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Text

#: Names that map to distinct paths: they contain neither _ nor --, which replace other characters in paths.
_PART = r"[A-Za-z0-9@](?:(?!--)[A-Za-z0-9.:@-])*(?<!-)"
_REVERSIBLE = re.compile(f"{_PART}(?:/{_PART})*")
#: Characters of a model's name in paths; file systems allow 255.
_LONGEST_NAME = 100


class ChatSection(Section):
    """The chat model of gpt4 (the text prompt) and chatrec (ChatRec), at any OpenAI-compatible endpoint."""

    base_url: Text | None = Field(
        None, description="address of the endpoint; null for $CHAT_BASE_URL if it is set, otherwise OpenAI's"
    )
    model: Text = Field("gpt-4o-2024-08-06", description="name of the model there; the prices below are for it")
    key_variable: Text | None = Field(
        "CHAT_API_KEY",
        description="name of the environment variable that holds the API key; while it is not set, the methods are "
        "skipped; null for a server that needs no key",
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        0.0, description="sampling temperature; null for a model that does not accept one"
    )
    maximum_answer_tokens: Count = Field(64, description="tokens after which an answer is cut off")
    answer_limit: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="request parameter of that limit; many local servers know only max_tokens"
    )
    draws: Count = Field(1, description="candidate sets per sequence to query, the first of data.draws")
    input_usd_per_million: Annotated[float, Field(ge=0)] = Field(2.5, description="price per million prompt tokens")
    output_usd_per_million: Annotated[float, Field(ge=0)] = Field(10.0, description="price per million answer tokens")
    max_cost_usd: Annotated[float, Field(ge=0)] = Field(
        5.0, description="upper bound on the total cost of all runs with the same results folder; requests stop at it"
    )
    requests_per_minute: Annotated[float, Field(gt=0)] = Field(120.0, description="requests that may start per minute")
    concurrency: Count = Field(4, description="requests in flight at once")
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(60.0, description="seconds without an answer before a retry")
    attempts: Count = Field(6, description="attempts per request, with exponential backoff, before the run fails")

    @property
    def identifier(self) -> str:
        """The model's unique name in paths of artifacts, of letters, digits and ``. _ - @ ~``.

        A slash becomes ``--`` and a colon ``_``. A digest is appended where another model could get the same name.
        """
        name = self.model.replace("/", "--").replace(":", "_")
        if _REVERSIBLE.fullmatch(self.model) and len(name) <= _LONGEST_NAME:
            return name
        digest = hashlib.sha256(self.model.encode()).hexdigest()[:16]
        return re.sub(r"[^A-Za-z0-9._@-]", "_", name).lstrip(".")[:_LONGEST_NAME] + "~" + digest
