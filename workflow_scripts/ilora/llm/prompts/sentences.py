"""Prompts as running text: comma-separated lists, in one of several texts.

The paper's released code draws one of three texts for each batch and joins its lists with ", ". This module does the
same with the data set's own sentences: the history, then the candidates, then the question. Prompts without candidates
also have three texts, in which the question follows the history.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from ilora.datasets.wording import PromptWording
from ilora.llm.prompts.title_tokens import readable

SEPARATOR = ", "
_WORD = "a"


@dataclass(frozen=True)
class Sentences:
    """The texts before the history, between the two lists (None: no candidates), and after them."""

    before: str
    between: str | None
    behind: str


@dataclass(frozen=True)
class SentenceTokens:
    """`Sentences` as token ids, and the separator of a list's items."""

    before: list[int]
    between: list[int] | None
    behind: list[int]
    separator: list[int]


def prompt_sentences(wording: PromptWording) -> tuple[Sentences, Sentences, Sentences]:
    """Return the three texts of a data set, with candidates."""
    history, candidates, question = (
        sentence.removesuffix("\n") for sentence in (wording.history, wording.candidates, wording.question)
    )
    return (
        Sentences(f"{history} ", f". {candidates} ", f". {question} "),
        Sentences(f"{history} ", ". One of these comes next: ", ". The one that comes next is: "),
        Sentences(
            "From first to last, a user has chosen: ",
            ". Recommend what to choose next out of: ",
            ". Name one of them and nothing else. Recommendation: ",
        ),
    )


def open_sentences(wording: PromptWording) -> tuple[Sentences, Sentences, Sentences]:
    """Return the three texts of a data set with an open question, without candidates."""
    assert wording.open_question is not None
    history, question = wording.history.removesuffix("\n"), wording.open_question.removesuffix("\n")
    return (
        Sentences(f"{history} ", None, f". {question} "),
        Sentences(f"{history} ", None, ". The one that comes next is: "),
        Sentences(
            "From first to last, a user has chosen: ",
            None,
            ". Recommend what to choose next. Name one and nothing else. Recommendation: ",
        ),
    )


def sentence_tokens(tokenizer: PreTrainedTokenizerBase, sentences: Sentences) -> SentenceTokens:
    """Tokenize the texts around titles, which are tokenized separately.

    Raises:
        ValueError: if the tokenizer cannot represent one of the texts next to a title.
    """
    return SentenceTokens(
        before=_between_titles(tokenizer, "", sentences.before),
        between=None if sentences.between is None else _between_titles(tokenizer, _WORD, sentences.between),
        behind=_between_titles(tokenizer, _WORD, sentences.behind),
        separator=_between_titles(tokenizer, _WORD, SEPARATOR),
    )


def _between_titles(tokenizer: PreTrainedTokenizerBase, word: str, text: str) -> list[int]:
    """Return tokens that decode to the text between a word (or nothing) and a title, which are tokenized separately.

    Some tokenizers add a word-start to every text, which then represents the space at the end of the preceding text.
    """
    begun, title = _encode(tokenizer, word), _encode(tokenizer, _WORD)
    for spelt in (text, text.removesuffix(" ")):
        behind = _encode(tokenizer, word + spelt)
        alternatives = [_encode(tokenizer, spelt)]
        if behind[: len(begun)] == begun:
            alternatives.append(behind[len(begun) :])
        for token_ids in alternatives:
            if readable(tokenizer, [*begun, *token_ids, *title]) == word + text + _WORD:
                return token_ids
    raise ValueError(
        f"the tokenizer of {tokenizer.name_or_path} cannot represent {text!r} next to a title: set "
        "finetuning.prompt_texts to lists"
    )


def _encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False)) if text else []
