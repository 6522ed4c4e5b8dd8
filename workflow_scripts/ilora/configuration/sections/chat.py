"""`chat`: the chat model of gpt4 and chatrec."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Text

#: Names of which no two have the same path: without _ and --, which stand for other characters there.
_PART = r"[A-Za-z0-9@](?:(?!--)[A-Za-z0-9.:@-])*(?<!-)"
_REVERSIBLE = re.compile(f"{_PART}(?:/{_PART})*")
#: Of a model in paths; file systems take 255.
_LONGEST_NAME = 100


class ChatSection(Section):
    """The chat model of gpt4 (the text prompt) and chatrec (ChatRec), at any OpenAI-compatible endpoint."""

    base_url: Text | None = Field(
        None, description="address of the endpoint; null for CHAT_BASE_URL of the environment, else OpenAI's own"
    )
    model: Text = Field("gpt-4o-2024-08-06", description="name of the model there; the prices below are its own")
    key_variable: Text | None = Field(
        "CHAT_API_KEY",
        description="name of the environment variable that holds the key; while it is not set, the methods are not "
        "run; null for a server that wants no key",
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        0.0, description="of the sampling; null for a model that does not take one"
    )
    maximum_answer_tokens: Count = Field(64, description="tokens after which an answer is cut off")
    answer_limit: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="the parameter that says so; many local servers know max_tokens only"
    )
    draws: Count = Field(1, description="candidate sets of each sequence that are asked about, the first of data.draws")
    input_usd_per_million: Annotated[float, Field(ge=0)] = Field(2.5, description="price of a million prompt tokens")
    output_usd_per_million: Annotated[float, Field(ge=0)] = Field(10.0, description="price of a million answer tokens")
    max_cost_usd: Annotated[float, Field(ge=0)] = Field(
        5.0, description="what may be spent in all, by every run with the same results; asking stops before more is"
    )
    requests_per_minute: Annotated[float, Field(gt=0)] = Field(120.0, description="requests that may start in a minute")
    concurrency: Count = Field(4, description="requests that may wait for an answer at once")
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(60.0, description="wait for an answer before asking again")
    attempts: Count = Field(6, description="at one request, with growing pauses, before the run is given up")

    @property
    def identifier(self) -> str:
        """The model's name in paths of artifacts, of letters, digits and ``. _ - @ ~``; it tells models apart.

        A slash becomes ``--`` and a colon ``_``. A name of which something else would become the same has a digest too.
        """
        name = self.model.replace("/", "--").replace(":", "_")
        if _REVERSIBLE.fullmatch(self.model) and len(name) <= _LONGEST_NAME:
            return name
        digest = hashlib.sha256(self.model.encode()).hexdigest()[:16]
        return re.sub(r"[^A-Za-z0-9._@-]", "_", name).lstrip(".")[:_LONGEST_NAME] + "~" + digest
