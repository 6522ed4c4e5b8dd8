"""Token ids of the parts that all prompts of a study share: sentences, and the template around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transformers import PreTrainedTokenizerBase

from ilora.llm.prompts.chat_template import ChatFrame, ChatTemplateError, chat_frame
from ilora.llm.prompts.title_tokens import placeholder_token_id, placeholder_token_id_in_chat

ListName = Literal["history", "candidates"]


@dataclass(frozen=True)
class FixedSentences:
    """The sentences of a prompt, each with its newline: two headings and the question."""

    history: str
    candidates: str
    question: str


@dataclass(frozen=True)
class FixedTokens:
    """The fixed parts of a prompt as token ids.

    Attributes:
        start: tokens at the start of the prompt.
        history: heading of the history, including its newline.
        candidates: heading of the candidates, including its newline.
        question: text after the lists.
        end: tokens that end an answer; the last one stops decoding.
        placeholder: token at the position of a behaviour token.
        reserved: tokens with a special meaning, which no title may contain.
    """

    start: list[int]
    history: list[int]
    candidates: list[int]
    question: list[int]
    end: list[int]
    placeholder: int
    reserved: frozenset[int] = frozenset()


def plain_tokens(tokenizer: PreTrainedTokenizerBase, sentences: FixedSentences, newline: Sequence[int]) -> FixedTokens:
    """Return the fixed tokens of a prompt that is a text to be continued; a newline ends the answer."""
    history, candidates, question = (
        [*tokenizer.encode(text.removesuffix("\n"), add_special_tokens=False), *newline]
        for text in (sentences.history, sentences.candidates, sentences.question)
    )
    start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
    return FixedTokens(start, history, candidates, question, list(newline), placeholder_token_id(tokenizer))


def chat_tokens(
    tokenizer: PreTrainedTokenizerBase,
    sentences: FixedSentences,
    newline: Sequence[int],
    first: ListName,
    titles: Sequence[str],
) -> FixedTokens:
    """Return the fixed tokens of a prompt that is the user's message in the model's own chat template.

    The template decides on a start token. Its texts are tokenized together with the adjacent sentences, as in the
    model's training. The message ends with the question, without its newline, which some templates would strip. An
    answer ends with the special token that ends the assistant's messages, which even an untuned model generates; if
    the template has none, it ends with a newline.

    Args:
        tokenizer: tokenizer of the backbone.
        sentences: sentences of the prompt.
        newline: token ids of a newline.
        first: list that comes first.
        titles: titles that prompts may contain.

    Raises:
        ChatTemplateError: see `chat_frame`; also if a title contains a text that would end the message.
    """
    frame = chat_frame(tokenizer)
    _check_that_titles_stay_inside(tokenizer, frame, titles)
    openings: dict[ListName, str] = {first: frame.opening}
    headings: tuple[tuple[ListName, str], ...] = (
        ("history", sentences.history),
        ("candidates", sentences.candidates),
    )
    history, candidates = (
        [*tokenizer.encode(openings.get(name, "") + text.removesuffix("\n"), add_special_tokens=False), *newline]
        for name, text in headings
    )
    return FixedTokens(
        start=[],
        history=history,
        candidates=candidates,
        question=tokenizer.encode(sentences.question.removesuffix("\n") + frame.closing, add_special_tokens=False),
        end=_end_of_turn(tokenizer, frame) or list(newline),
        placeholder=placeholder_token_id_in_chat(tokenizer),
        reserved=_added_tokens(tokenizer, frame.opening + frame.closing + frame.ending),
    )


def _added_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> frozenset[int]:
    return frozenset(tokenizer.encode(text, add_special_tokens=False)).intersection(tokenizer.added_tokens_decoder)


def _end_of_turn(tokenizer: PreTrainedTokenizerBase, frame: ChatFrame) -> list[int]:
    """Return the special token that ends an assistant's message, if there is one; plain text would remain visible."""
    first = tokenizer.encode(frame.ending, add_special_tokens=False)[:1]
    return [token for token in first if token in tokenizer.all_special_ids]


def _check_that_titles_stay_inside(tokenizer: PreTrainedTokenizerBase, frame: ChatFrame, titles: Sequence[str]) -> None:
    """Refuse titles that contain the end of the message if that is ordinary text, such as Llama 2's "[/INST]"."""
    closing = next(iter(frame.closing.strip().splitlines()), "")
    if not closing or _added_tokens(tokenizer, closing):
        return
    for title in titles:
        if closing in title:
            raise ChatTemplateError(
                f"the title {title!r} contains {closing!r}, with which the chat template of {tokenizer.name_or_path} "
                "ends a message: rename the item in the raw data, or set prompt.template to plain"
            )
