"""Prompts as token ids, with the places of the behaviour tokens beside them (LLaRA's hybrid prompt, Eq. 4-6)."""

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
    """Where things stand in a prompt.

    The paper's is ``history_first`` and ``after_title``. The embedded backbone reads ``candidates_first`` and
    ``before_title``: what follows a behaviour token is then plain induction. ``none`` is the text-only prompt. A
    ``plain`` prompt is a text to be continued; with ``chat`` it is the user's message in the backbone's own chat
    template, and the answer is the assistant's. With ``sentences`` a prompt is one of several running texts, history
    first; with ``lists`` it has an item a line. Where ``candidates`` is ``none``, a prompt has the history alone and
    asks for any item.
    """

    order: Order
    behaviour_token: BehaviourTokenPlace
    template: Template = "plain"
    texts: Texts = "lists"
    candidates: Candidates = "listed"

    @property
    def lists(self) -> tuple[ListName, ...]:
        """What a prompt lists, in order."""
        if self.candidates == "none":
            return ("history",)
        return ("candidates", "history") if self.order == "candidates_first" else ("history", "candidates")

    def question(self, wording: PromptWording) -> str:
        """Give what a prompt asks.

        Raises:
            ValueError: if the wording has no question about all items, and no candidates are listed.
        """
        if self.candidates == "listed":
            return wording.question
        if wording.open_question is None:
            raise ValueError(
                "prompt.candidates: found none, and the wording of the data set has no open_question, which asks for "
                "any of all items: add it, or set prompt.candidates to listed"
            )
        return wording.open_question


def prompt_style(section: PromptSection, kind: PromptKind, texts: Texts = "lists") -> PromptStyle:
    """Give the style of a method's prompts: the study's `prompt` section, without behaviour tokens for text alone."""
    behaviour_token = section.behaviour_token if kind == "hybrid" else "none"
    return PromptStyle(section.order, behaviour_token, section.template, texts, section.candidates)


def prompt_text(style: PromptStyle, wording: PromptWording, history: Sequence[str], candidates: Sequence[str]) -> str:
    """Write a prompt of ``lists`` to be read by a person, `PLACEHOLDER_TOKEN` wherever a behaviour token stands.

    Of a chat it is the user's message, without what the template puts around it.

    Args:
        style: order and place of the behaviour tokens.
        wording: the data set's sentences.
        history: titles, oldest first.
        candidates: titles, in the order of the candidate set; left out where the style lists none.
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
    """One line of a list of items: the title's token ids and the behaviour token's index (NO_ITEM: a placeholder)."""

    title: Sequence[int]
    behaviour: int


@dataclass(frozen=True)
class TokenisedPrompt:
    """Token ids, and for every position the index behind its behaviour token or NO_ITEM; equally long.

    ``cut`` is how many items of the history, the oldest ones, were left out to fit the model's context.
    """

    token_ids: list[int]
    behaviour: list[int]
    cut: int = 0


class PromptBuilder:
    """Turns items into prompts and answers.

    Args:
        tokenizer: of the backbone.
        titles: title of every item, by item id.
        style: order and place of the behaviour tokens.
        wording: the data set's sentences.
        window: what the model can read at once; None for no limit.

    Attributes:
        tokenizer: of the backbone.
        title_texts: title of every item, by item id; `titles` has their tokens.
        newline: token ids of a newline, which ends every title in a prompt.
        end: token ids that end an answer.
        line_end: the token that ends a line, the last of a newline.
        turn_ends: tokens that end an answer wherever they stand: the last of `end`, unless it is a newline.

    Raises:
        ValueError: as `ilora.llm.prompts.title_tokens`, for a chat `ilora.llm.prompts.fixed_tokens.chat_tokens`, and
            for sentences `ilora.llm.prompts.sentences.sentence_tokens` raise it; if a chat shall have sentences.
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
        """Write the prompt of one sequence: item ids of its history (oldest first) and of its candidate set.

        A history that does not fit the model's context loses its oldest items.

        Args:
            history: item ids.
            candidates: item ids; left out where the style lists none.
            text: which of the texts, as `draw_text` gives it.

        Raises:
            ValueError: if not even the latest item fits beside the candidates.
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
            f"{self._longest}, which leaves room for an answer in the model's context: {lower}take a backbone with a "
            "longer context"
        )

    def draw_text(self, seed: Sequence[int]) -> int:
        """Draw which of the texts a prompt has, 0 where there is but one."""
        return int(np.random.default_rng(seed).integers(len(self._sentences))) if self._sentences else 0

    def answer(self, item: int) -> list[int]:
        """Give the tokens to be learnt: the item's title and what ends it."""
        return [*self.titles[item], *self.end]

    def entry(self, item: int) -> Entry:
        """Give an item's line."""
        return Entry(self.titles[item], item)

    def assemble(self, history: Sequence[Entry], candidates: Sequence[Entry], text: int = 0) -> TokenisedPrompt:
        """Write a prompt from ready entries, in one of the texts."""
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
        """Give a new text that holds the start token, if there is one before all else, and nothing more."""
        return TokenisedPrompt(list(self._fixed.start), [NO_ITEM] * len(self._fixed.start))

    def append_entry(self, prompt: TokenisedPrompt, entry: Entry) -> None:
        """Write one item's line at the end of a prompt, in place."""
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
    """Give the seed of the text in which a candidate set, by its number among those answered, is asked about."""
    return seed, 3, number
