"""A request to a chat model, and the content that its answer is kept under."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from ilora.baselines.chat.prompts import Message

#: What a server's chat template may add, in tokens: to the whole prompt (a system prompt of its own, a date), and to
#: each message (its role, its ends).
_TEMPLATE_TOKENS = 128
_MESSAGE_TOKENS = 16


@dataclass(frozen=True)
class ChatModel:
    """A chat model and how it is to answer.

    Attributes:
        base_url: address of the endpoint, such as "https://api.openai.com/v1".
        name: of the model at this endpoint.
        temperature: of the sampling; None where the model does not take one.
        maximum_answer_tokens: where an answer is cut off.
        answer_limit: name of the parameter that says so; servers differ.
    """

    base_url: str
    name: str
    temperature: float | None
    maximum_answer_tokens: int
    answer_limit: Literal["max_completion_tokens", "max_tokens"]


@dataclass(frozen=True)
class ChatRequest:
    """One conversation that the model is to continue."""

    model: ChatModel
    messages: tuple[Message, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """What is sent, as plain values."""
        temperature = {} if self.model.temperature is None else {"temperature": self.model.temperature}
        return {
            "model": self.model.name,
            "messages": [{"role": message.role, "content": message.text} for message in self.messages],
            self.model.answer_limit: self.model.maximum_answer_tokens,
            **temperature,
        }

    @property
    def content(self) -> str:
        """All that the answer depends on, as JSON: the address and what is sent there. No key is part of it."""
        content = {"base_url": self.model.base_url, **self.parameters}
        return json.dumps(content, sort_keys=True, ensure_ascii=False)

    @property
    def key(self) -> str:
        """Digest of the content, hexadecimal: requests with the same key have the same answer."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def maximum_prompt_tokens(self) -> int:
        """More tokens than any tokenizer makes of the prompt: one for each byte, and what a chat template adds."""
        text = sum(len(message.text.encode()) for message in self.messages)
        return text + _MESSAGE_TOKENS * len(self.messages) + _TEMPLATE_TOKENS
