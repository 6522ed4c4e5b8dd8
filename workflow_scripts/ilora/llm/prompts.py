"""Prompts as token ids, with the places of the behaviour tokens beside them (LLaRA's hybrid prompt, Eq. 4-6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

from ilora.llm.context import ContextWindow
from ilora.llm.wording import PromptWording
from ilora.methods.declaration import PromptKind

NO_ITEM = -1
"""Marks a position that holds an ordinary token."""

PLACEHOLDER_TOKEN = "<item>"
"""Stands where a behaviour token will be, in the embedded tokenizer; others lend their unknown or end token."""

Order = Literal["history_first", "candidates_first"]
BehaviourTokenPlace = Literal["before_title", "after_title", "none"]


@dataclass(frozen=True)
class PromptStyle:
    """Where things stand in a prompt.

    The paper's is ``history_first`` and ``after_title``. The embedded backbone reads ``candidates_first`` and
    ``before_title``: what follows a behaviour token is then plain induction. ``none`` is the text-only prompt.
    """

    order: Order
    behaviour_token: BehaviourTokenPlace


def prompt_style(section: Mapping[str, Any], kind: PromptKind) -> PromptStyle:
    """Give the style of a method's prompts: the study's `prompt` section, without behaviour tokens for text alone."""
    return PromptStyle(section["order"], section["behaviour_token"] if kind == "hybrid" else "none")


def prompt_text(style: PromptStyle, wording: PromptWording, history: Sequence[str], candidates: Sequence[str]) -> str:
    """Write a prompt as text to be read by a person, `PLACEHOLDER_TOKEN` wherever a behaviour token stands.

    Args:
        style: order and place of the behaviour tokens.
        wording: the data set's sentences.
        history: titles, oldest first.
        candidates: titles, in the order of the candidate set.
    """
    before, after = (
        PLACEHOLDER_TOKEN if style.behaviour_token == place else "" for place in ("before_title", "after_title")
    )
    listed = [(wording.history, history), (wording.candidates, candidates)]
    if style.order == "candidates_first":
        listed.reverse()
    lists = "".join(heading + "".join(f"{before}{title}{after}\n" for title in titles) for heading, titles in listed)
    return lists + wording.question + before


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


def newline_token_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Give the token ids of a newline that follows a word.

    Some tokenizers put a word-start before a newline that stands alone, hence the detour.

    Raises:
        ValueError: if the newline melts into the word before it.
    """
    word = tokenizer.encode("a", add_special_tokens=False)
    line = tokenizer.encode("a\n", add_special_tokens=False)
    if line[: len(word)] != word or len(line) == len(word):
        raise ValueError("the tokenizer merges a newline with the word before it: titles could not be told apart")
    return line[len(word) :]


def placeholder_token_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Give the id that stands where a behaviour token will be.

    Raises:
        ValueError: if the tokenizer has neither the placeholder nor an unknown nor an end token.
    """
    own = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    for token_id in (own, tokenizer.unk_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            return int(token_id)
    raise ValueError("the tokenizer has no unknown and no end token to hold the place of a behaviour token")


def title_token_ids(tokenizer: PreTrainedTokenizerBase, titles: Sequence[str]) -> list[list[int]]:
    """Give the token ids of titles, of which none holds a special token: "<s>" in a title is ordinary text.

    Raises:
        ValueError: if the tokenizer finds a special token nonetheless.
    """
    special = {*tokenizer.all_special_ids, tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)} - {tokenizer.unk_token_id}
    encoded = [tokenizer.encode(title, add_special_tokens=False, split_special_tokens=True) for title in titles]
    for title, token_ids in zip(titles, encoded, strict=True):
        if special.intersection(token_ids):
            raise ValueError(
                f"the tokenizer finds a special token in the title {title!r}, so no answer could be read back as "
                "this title: rename the item in the raw data"
            )
    return encoded


class PromptBuilder:
    """Turns items into prompts and answers.

    Args:
        tokenizer: of the backbone.
        titles: title of every item, by item id.
        style: order and place of the behaviour tokens.
        wording: the data set's sentences.
        window: what the model can read at once; None for no limit.

    Raises:
        ValueError: as `title_token_ids` and `newline_token_ids` raise it.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        titles: Sequence[str],
        style: PromptStyle,
        wording: PromptWording,
        window: ContextWindow | None = None,
    ) -> None:
        self.style = style
        self.titles = title_token_ids(tokenizer, titles)
        self.newline = newline_token_ids(tokenizer)
        self.placeholder = placeholder_token_id(tokenizer)
        self._start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        self._history, self._candidates, self._question = (
            tokenizer.encode(text.removesuffix("\n"), add_special_tokens=False) + self.newline
            for text in (wording.history, wording.candidates, wording.question)
        )
        longest_answer = max(map(len, self.titles), default=0) + len(self.newline)
        self._longest = None if window is None else window.longest_prompt(longest_answer)

    def prompt(self, history: Sequence[int], candidates: Sequence[int]) -> TokenisedPrompt:
        """Write the prompt of one sequence: item ids of its history (oldest first) and of its candidate set.

        A history that does not fit the model's context loses its oldest items.

        Raises:
            ValueError: if not even the latest item fits beside the candidates.
        """
        offered = [self.entry(item) for item in candidates]
        prompt = self.assemble([self.entry(item) for item in history], offered)
        if self._longest is None or len(prompt.token_ids) <= self._longest:
            return prompt
        for cut in range(1, len(history)):
            prompt = self.assemble([self.entry(item) for item in history[cut:]], offered)
            if len(prompt.token_ids) <= self._longest:
                return TokenisedPrompt(prompt.token_ids, prompt.behaviour, cut)
        raise ValueError(
            f"a prompt of {len(candidates)} candidates and one item of history has {len(prompt.token_ids)} tokens, "
            f"expected at most {self._longest}, which leaves room for an answer in the model's context: lower "
            "data.candidates or take a backbone with a longer context"
        )

    def answer(self, item: int) -> list[int]:
        """Give the tokens to be learnt: the item's title and a newline."""
        return [*self.titles[item], *self.newline]

    def entry(self, item: int) -> Entry:
        """Give an item's line."""
        return Entry(self.titles[item], item)

    def assemble(self, history: Sequence[Entry], candidates: Sequence[Entry]) -> TokenisedPrompt:
        """Write a prompt from ready entries."""
        listed = [(self._history, history), (self._candidates, candidates)]
        if self.style.order == "candidates_first":
            listed.reverse()
        prompt = self.beginning()
        for heading, entries in listed:
            _append_text(prompt, heading)
            for entry in entries:
                self.append_entry(prompt, entry)
        _append_text(prompt, self._question)
        if self.style.behaviour_token == "before_title":
            _append_text(prompt, [self.placeholder])
        return prompt

    def beginning(self) -> TokenisedPrompt:
        """Give a new text that holds the tokenizer's start token, if it has one, and nothing else."""
        return TokenisedPrompt(list(self._start), [NO_ITEM] * len(self._start))

    def append_entry(self, prompt: TokenisedPrompt, entry: Entry) -> None:
        """Write one item's line at the end of a prompt, in place."""
        if self.style.behaviour_token == "before_title":
            self._append_behaviour_token(prompt, entry)
        _append_text(prompt, entry.title)
        if self.style.behaviour_token == "after_title":
            self._append_behaviour_token(prompt, entry)
        _append_text(prompt, self.newline)

    def _append_behaviour_token(self, prompt: TokenisedPrompt, entry: Entry) -> None:
        prompt.token_ids.append(self.placeholder)
        prompt.behaviour.append(entry.behaviour)


def _append_text(prompt: TokenisedPrompt, token_ids: Sequence[int]) -> None:
    prompt.token_ids.extend(token_ids)
    prompt.behaviour.extend([NO_ITEM] * len(token_ids))
