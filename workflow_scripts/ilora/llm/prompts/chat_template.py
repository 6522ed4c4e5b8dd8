"""The texts that a model's chat template adds around a user's message and after an assistant's."""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

_QUESTION, _ANSWER = "ilora-question", "ilora-answer"

#: Some templates write the date. A prompt must not change overnight, so they get a fixed date, Llama's own default.
_FIXED_DATE = {"%d": "26", "%b": "Jul", "%B": "July", "%m": "07", "%y": "24", "%Y": "2024", "%A": "Friday"}
_FIXED_CLOCK = (
    "{% macro strftime_now(format) %}{{ format"
    + "".join(f" | replace('{field}', '{value}')" for field, value in _FIXED_DATE.items())
    + " }}{% endmacro %}"
)


class ChatTemplateError(ValueError):
    """A chat template is missing or unusable; the message says what to do."""


@dataclass(frozen=True)
class ChatFrame:
    """The texts around one question and one answer in a chat.

    Attributes:
        opening: text before the user's message, such as a start token, a system message and a role.
        closing: text between the user's message and the assistant's.
        ending: text after the assistant's message, without surrounding whitespace; may be empty.
    """

    opening: str
    closing: str
    ending: str


def chat_frame(tokenizer: PreTrainedTokenizerBase) -> ChatFrame:
    """Return the texts that a tokenizer's chat template adds around messages without surrounding whitespace.

    No system message is passed, because some templates refuse it; a template's default one is kept. Thinking is
    disabled for models that support it.

    Raises:
        ChatTemplateError: if there is no template, or its output does not contain a message exactly once.
    """
    asked = [{"role": "user", "content": _QUESTION}]
    answered = [*asked, {"role": "assistant", "content": _ANSWER}]
    opening, closing = _around(_QUESTION, _rendered(tokenizer, asked, for_an_answer=True), tokenizer)
    _, ending = _around(_ANSWER, _rendered(tokenizer, answered, for_an_answer=False), tokenizer)
    return ChatFrame(opening, closing, ending.strip())


def _rendered(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], for_an_answer: bool) -> str:
    if tokenizer.chat_template is None:
        raise ChatTemplateError(
            f"prompt.template: found chat, but the tokenizer of {tokenizer.name_or_path} has no chat template. Set "
            "prompt.template to plain, or backbone.name to a model that was tuned for chats"
        )
    template = tokenizer.get_chat_template()
    text = tokenizer.apply_chat_template(
        messages,
        chat_template=_FIXED_CLOCK + template if "strftime_now" in template else template,
        add_generation_prompt=for_an_answer,
        tokenize=False,
        enable_thinking=False,
    )
    return str(text)


def _around(message: str, text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    parts = text.split(message)
    if len(parts) != 2:
        raise ChatTemplateError(
            f"the chat template of {tokenizer.name_or_path} writes a message {len(parts) - 1} times, expected once: "
            "set prompt.template to plain"
        )
    return parts[0], parts[1]
