"""A request to a chat model, and the key under which its answer is stored."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from ilora.baselines.chat.prompts import Message

#: Tokens that a server's chat template may add to the whole prompt (its own system prompt, a date), and to each message
#: (role, delimiters).
_TEMPLATE_TOKENS = 128
_MESSAGE_TOKENS = 16


@dataclass(frozen=True)
class ChatModel:
    """A chat model and its generation settings.

    Attributes:
        base_url: address of the endpoint, such as "https://api.openai.com/v1".
        name: name of the model at this endpoint.
        temperature: sampling temperature; None if the model does not accept one.
        maximum_answer_tokens: maximum number of tokens of an answer.
        answer_limit: name of the parameter for this maximum, which depends on the server.
    """

    base_url: str
    name: str
    temperature: float | None
    maximum_answer_tokens: int
    answer_limit: Literal["max_completion_tokens", "max_tokens"]


@dataclass(frozen=True)
class ChatRequest:
    """A conversation for the model to continue."""

    model: ChatModel
    messages: tuple[Message, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the API call, as plain values."""
        temperature = {} if self.model.temperature is None else {"temperature": self.model.temperature}
        return {
            "model": self.model.name,
            "messages": [{"role": message.role, "content": message.text} for message in self.messages],
            self.model.answer_limit: self.model.maximum_answer_tokens,
            **temperature,
        }

    @property
    def content(self) -> str:
        """Everything that the answer depends on, as JSON: address and parameters, without the API key."""
        content = {"base_url": self.model.base_url, **self.parameters}
        return json.dumps(content, sort_keys=True, ensure_ascii=False)

    @property
    def key(self) -> str:
        """Hexadecimal digest of the content; requests with the same key have the same answer."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def maximum_prompt_tokens(self) -> int:
        """Upper bound on the tokens of the prompt for any tokenizer: one per byte, plus those of a chat template."""
        text = sum(len(message.text.encode()) for message in self.messages)
        return text + _MESSAGE_TOKENS * len(self.messages) + _TEMPLATE_TOKENS
