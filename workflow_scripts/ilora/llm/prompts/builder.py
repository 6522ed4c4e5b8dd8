"""Prompts as token ids, with the positions of the behaviour tokens (LLaRA's hybrid prompt, Eq. 4-6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from transformers import PreTrainedTokenizerBase

from ilora.configuration.sections.prompt import PromptSection
from ilora.datasets.wording import PromptWording
from ilora.llm.prompts.context import ContextWindow
from ilora.llm.prompts.fixed_tokens import FixedSentences, ListName, chat_tokens, plain_tokens
from ilora.llm.prompts.sentences import SentenceTokens, open_sentences, prompt_sentences, sentence_tokens
from ilora.llm.prompts.title_tokens import PLACEHOLDER_TOKEN, newline_token_ids, title_token_ids
from ilora.methods.declaration import PromptKind

NO_ITEM = -1
"""Marks a position that holds an ordinary token."""

BehaviourTokenPlace = Literal["before_title", "after_title", "none"]
Order = Literal["history_first", "candidates_first"]
Candidates = Literal["listed", "none"]
Template = Literal["plain", "chat"]
Texts = Literal["lists", "sentences"]


@dataclass(frozen=True)
class PromptStyle:
    """The layout of a prompt.

    The paper uses ``history_first`` and ``after_title``. The embedded backbone reads ``candidates_first`` and
    ``before_title``: predicting what follows a behaviour token is then plain induction. With ``none``, the prompt is
    text-only. A ``plain`` prompt is a text to be continued; with ``chat``, it is the user's message in the backbone's
    own chat template, and the answer is the assistant's. With ``sentences``, a prompt is one of several running texts,
    history first; with ``lists``, it has one item per line. If ``candidates`` is ``none``, a prompt has only the
    history and asks for any item.
    """

    order: Order
    behaviour_token: BehaviourTokenPlace
    template: Template = "plain"
    texts: Texts = "lists"
    candidates: Candidates = "listed"

    @property
    def lists(self) -> tuple[ListName, ...]:
        """The lists of a prompt, in order."""
        if self.candidates == "none":
            return ("history",)
        return ("candidates", "history") if self.order == "candidates_first" else ("history", "candidates")

    def question(self, wording: PromptWording) -> str:
        """Return the question of a prompt.

        Raises:
            ValueError: if no candidates are listed and the wording has no question about all items.
        """
        if self.candidates == "listed":
            return wording.question
        if wording.open_question is None:
            raise ValueError(
                "prompt.candidates: found none, but the wording of the data set has no open_question, which asks for "
                "any item: add it, or set prompt.candidates to listed"
            )
        return wording.open_question


def prompt_style(section: PromptSection, kind: PromptKind, texts: Texts = "lists") -> PromptStyle:
    """Return the style of a method's prompts: the study's `prompt` section, without behaviour tokens if text-only."""
    behaviour_token = section.behaviour_token if kind == "hybrid" else "none"
    return PromptStyle(section.order, behaviour_token, section.template, texts, section.candidates)


def prompt_text(style: PromptStyle, wording: PromptWording, history: Sequence[str], candidates: Sequence[str]) -> str:
    """Return a prompt of ``lists`` as human-readable text, with `PLACEHOLDER_TOKEN` for each behaviour token.

    For a chat, it is the user's message without the template around it.

    Args:
        style: order and position of the behaviour tokens.
        wording: the data set's sentences.
        history: titles, oldest first.
        candidates: titles, in the order of the candidate set; ignored if the style lists none.
    """
    before, after = (
        PLACEHOLDER_TOKEN if style.behaviour_token == place else "" for place in ("before_title", "after_title")
    )
    listed = {"history": (wording.history, history), "candidates": (wording.candidates, candidates)}
    lists = "".join(
        heading + "".join(f"{before}{title}{after}\n" for title in titles)
        for heading, titles in (listed[name] for name in style.lists)
    )
    question = style.question(wording)
    return lists + (question.removesuffix("\n") if style.template == "chat" else question + before)


@dataclass(frozen=True)
class Entry:
    """One entry of a list: the title's token ids and the behaviour token's index (NO_ITEM: a placeholder)."""

    title: Sequence[int]
    behaviour: int


@dataclass(frozen=True)
class TokenisedPrompt:
    """Token ids and, for every position, the index of its behaviour token or NO_ITEM.

    ``cut`` is the number of oldest items of the history that were dropped to fit the model's context.
    """

    token_ids: list[int]
    behaviour: list[int]
    cut: int = 0


class PromptBuilder:
    """Builder of prompts and answers from item ids.

    Args:
        tokenizer: tokenizer of the backbone.
        titles: title of every item, by item id.
        style: order and position of the behaviour tokens.
        wording: the data set's sentences.
        window: context window of the model; None for no limit.

    Attributes:
        tokenizer: tokenizer of the backbone.
        title_texts: title of every item, by item id; `titles` has their tokens.
        newline: token ids of a newline, which ends every title in a prompt.
        end: token ids that end an answer.
        line_end: token that ends a line, the last of ``newline``.
        turn_ends: tokens that end an answer at any position: the last of ``end``, unless it is a newline.

    Raises:
        ValueError: see `ilora.llm.prompts.title_tokens`, `ilora.llm.prompts.fixed_tokens.chat_tokens` (chat) and
            `ilora.llm.prompts.sentences.sentence_tokens` (sentences); also if a chat is combined with sentences.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        titles: Sequence[str],
        style: PromptStyle,
        wording: PromptWording,
        window: ContextWindow | None = None,
    ) -> None:
        self.tokenizer, self.style, self.title_texts = tokenizer, style, titles
        self.newline = newline_token_ids(tokenizer)
        sentences = FixedSentences(wording.history, wording.candidates, style.question(wording))
        if style.template == "chat":
            fixed = chat_tokens(tokenizer, sentences, self.newline, style.lists[0], titles)
        else:
            fixed = plain_tokens(tokenizer, sentences, self.newline)
        self.titles = title_token_ids(tokenizer, titles, fixed.reserved)
        self.placeholder, self.end = fixed.placeholder, fixed.end
        self.line_end = self.newline[-1]
        self.turn_ends = sorted({self.end[-1]} - {self.line_end})
        self._fixed = fixed
        self._sentences = self._sentence_tokens(wording)
        longest_answer = max(map(len, self.titles), default=0) + len(self.end)
        self._longest = None if window is None else window.longest_prompt(longest_answer)

    def prompt(self, history: Sequence[int], candidates: Sequence[int], text: int = 0) -> TokenisedPrompt:
        """Build the prompt of one sequence.

        A history that does not fit the model's context loses its oldest items.

        Args:
            history: item ids, oldest first.
            candidates: item ids of the candidate set; ignored if the style lists none.
            text: number of the text, as drawn by `draw_text`.

        Raises:
            ValueError: if not even the latest item fits together with the candidates.
        """
        offered = [self.entry(item) for item in candidates]
        prompt = self.assemble([self.entry(item) for item in history], offered, text)
        if self._longest is None or len(prompt.token_ids) <= self._longest:
            return prompt
        for cut in range(1, len(history)):
            prompt = self.assemble([self.entry(item) for item in history[cut:]], offered, text)
            if len(prompt.token_ids) <= self._longest:
                return TokenisedPrompt(prompt.token_ids, prompt.behaviour, cut)
        listed, lower = "no candidates", ""
        if self.style.candidates == "listed":
            listed, lower = f"{len(candidates)} candidates", "lower data.candidates or "
        raise ValueError(
            f"a prompt of {listed} and one item of history has {len(prompt.token_ids)} tokens, expected at most "
            f"{self._longest}, which leaves room for an answer in the model's context: {lower}use a backbone with a "
            "longer context"
        )

    def draw_text(self, seed: Sequence[int]) -> int:
        """Draw the number of a prompt's text; 0 if there is only one."""
        return int(np.random.default_rng(seed).integers(len(self._sentences))) if self._sentences else 0

    def answer(self, item: int) -> list[int]:
        """Return the target tokens of an item: its title and the end of an answer."""
        return [*self.titles[item], *self.end]

    def entry(self, item: int) -> Entry:
        """Return the list entry of an item."""
        return Entry(self.titles[item], item)

    def assemble(self, history: Sequence[Entry], candidates: Sequence[Entry], text: int = 0) -> TokenisedPrompt:
        """Build a prompt from entries, in one of the texts."""
        if self._sentences:
            return self._in_sentences(history, candidates, self._sentences[text])
        listed = {"history": (self._fixed.history, history), "candidates": (self._fixed.candidates, candidates)}
        prompt = self.beginning()
        for heading, entries in (listed[name] for name in self.style.lists):
            _append_text(prompt, heading)
            for entry in entries:
                self.append_entry(prompt, entry)
        _append_text(prompt, self._fixed.question)
        if self.style.behaviour_token == "before_title":
            _append_text(prompt, [self.placeholder])
        return prompt

    def beginning(self) -> TokenisedPrompt:
        """Return a new prompt with only the start token, if there is one."""
        return TokenisedPrompt(list(self._fixed.start), [NO_ITEM] * len(self._fixed.start))

    def append_entry(self, prompt: TokenisedPrompt, entry: Entry) -> None:
        """Append an entry's line to a prompt, in place."""
        self._append_item(prompt, entry)
        _append_text(prompt, self.newline)

    def _append_item(self, prompt: TokenisedPrompt, entry: Entry) -> None:
        if self.style.behaviour_token == "before_title":
            self._append_behaviour_token(prompt, entry)
        _append_text(prompt, entry.title)
        if self.style.behaviour_token == "after_title":
            self._append_behaviour_token(prompt, entry)

    def _in_sentences(
        self, history: Sequence[Entry], candidates: Sequence[Entry], text: SentenceTokens
    ) -> TokenisedPrompt:
        listed = [(text.before, history)]
        if text.between is not None:
            listed.append((text.between, candidates))
        prompt = self.beginning()
        for opening, entries in listed:
            _append_text(prompt, opening)
            for number, entry in enumerate(entries):
                if number:
                    _append_text(prompt, text.separator)
                self._append_item(prompt, entry)
        _append_text(prompt, text.behind)
        if self.style.behaviour_token == "before_title":
            _append_text(prompt, [self.placeholder])
        return prompt

    def _sentence_tokens(self, wording: PromptWording) -> list[SentenceTokens]:
        if self.style.texts == "lists":
            return []
        if self.style.template == "chat":
            raise ValueError(
                "finetuning.prompt_texts: found sentences with prompt.template chat, expected lists, or the "
                "template plain"
            )
        texts = prompt_sentences(wording) if self.style.candidates == "listed" else open_sentences(wording)
        return [sentence_tokens(self.tokenizer, sentences) for sentences in texts]

    def _append_behaviour_token(self, prompt: TokenisedPrompt, entry: Entry) -> None:
        prompt.token_ids.append(self.placeholder)
        prompt.behaviour.append(entry.behaviour)


def _append_text(prompt: TokenisedPrompt, token_ids: Sequence[int]) -> None:
    prompt.token_ids.extend(token_ids)
    prompt.behaviour.extend([NO_ITEM] * len(token_ids))


def answering_seed(seed: int, number: int) -> tuple[int, int, int]:
    """Return the seed for drawing the prompt text of a candidate set, given by its number in the evaluation."""
    return seed, 3, number
