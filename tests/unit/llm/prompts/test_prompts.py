"""Prompts, written out."""

from dataclasses import replace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ilora.datasets.register import DATASETS
from ilora.datasets.wording import PromptWording, word_prompt
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, PromptStyle, prompt_text
from ilora.llm.prompts.title_tokens import newline_token_ids, title_token_ids

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil"]

CANDIDATES_FIRST = """<s>Candidates:
<item>Brazil
<item>The Ape
The user has watched these movies, in this order:
<item>Alien
<item>The Ape II
Which candidate does the user watch next?
<item>"""

HISTORY_FIRST = """<s>The user has watched these movies, in this order:
Alien<item>
The Ape II<item>
Candidates:
Brazil<item>
The Ape<item>
Which candidate does the user watch next?
"""

WITHOUT_CANDIDATES = """<s>The user has watched these movies, in this order:
<item>Alien
<item>The Ape II
Which of all movies does the user watch next?
<item>"""

TEXT_ONLY_WITHOUT_CANDIDATES = WITHOUT_CANDIDATES.replace("<item>", "")

TEXT_ONLY = HISTORY_FIRST.replace("<item>", "")


@pytest.mark.parametrize(
    ("style", "text", "behaviour"),
    [
        (PromptStyle("candidates_first", "before_title"), CANDIDATES_FIRST, [3, 1, 0, 2, NO_ITEM]),
        (PromptStyle("history_first", "after_title"), HISTORY_FIRST, [0, 2, 3, 1]),
        (PromptStyle("history_first", "none"), TEXT_ONLY, []),
        (PromptStyle("candidates_first", "before_title", candidates="none"), WITHOUT_CANDIDATES, [0, 2, NO_ITEM]),
        (PromptStyle("history_first", "none", candidates="none"), TEXT_ONLY_WITHOUT_CANDIDATES, []),
    ],
)
def test_prompt_as_text_and_behaviour_tokens_in_their_places(
    tokenizer: PreTrainedTokenizerFast, style: PromptStyle, text: str, behaviour: list[int]
) -> None:
    builder = PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording)
    prompt = builder.prompt(history=[0, 2], candidates=[3, 1])
    assert tokenizer.decode(prompt.token_ids) == text
    wording = DATASETS["movielens"].wording
    assert "<s>" + prompt_text(style, wording, ["Alien", "The Ape II"], ["Brazil", "The Ape"]) == text
    placeholders = [
        index for token, index in zip(prompt.token_ids, prompt.behaviour, strict=True) if token == builder.placeholder
    ]
    assert placeholders == behaviour
    elsewhere = [
        index for token, index in zip(prompt.token_ids, prompt.behaviour, strict=True) if token != builder.placeholder
    ]
    assert set(elsewhere) == {NO_ITEM}


def test_candidates_that_are_not_listed_need_a_question_about_all_items(tokenizer: PreTrainedTokenizerFast) -> None:
    wording = replace(DATASETS["movielens"].wording, open_question=None)
    with pytest.raises(ValueError, match=r"prompt\.candidates: found none, but the wording .* has no open_question"):
        PromptBuilder(tokenizer, TITLES, PromptStyle("history_first", "none", candidates="none"), wording)


def test_answer_is_the_title_and_a_newline(tokenizer: PreTrainedTokenizerFast, builder: PromptBuilder) -> None:
    assert tokenizer.decode(builder.answer(2)) == "The Ape II\n"
    assert builder.answer(2)[-1:] == builder.newline


def test_no_title_holds_the_token_that_ends_an_answer(builder: PromptBuilder) -> None:
    assert all(builder.newline[-1] not in title for title in builder.titles)


def test_a_tokenizer_that_swallows_newlines_is_refused() -> None:
    words = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ValueError, match="merges a newline"):
        newline_token_ids(PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>"))


def test_a_title_that_reads_like_special_tokens_is_text(tokenizer: PreTrainedTokenizerFast) -> None:
    title = "<s> Doors </s><item>"
    builder = PromptBuilder(tokenizer, [title], PromptStyle("history_first", "none"), DATASETS["movielens"].wording)
    assert not {*tokenizer.all_special_ids, builder.placeholder}.intersection(builder.titles[0])
    assert tokenizer.decode(builder.answer(0), skip_special_tokens=True) == f"{title}\n"


def test_a_tokenizer_that_finds_a_special_token_in_a_title_nonetheless_is_refused() -> None:
    words = Tokenizer(models.WordLevel({"a": 0, "<s>": 1, "<unk>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", bos_token="<s>")
    with pytest.raises(ValueError, match="finds a special token in the title 'a <s>'"):
        title_token_ids(tokenizer, ["a", "unknown", "a <s>"])


def test_words_make_sentences() -> None:
    assert word_prompt(items="books", participle="read", verb="read") == PromptWording(
        history="The user has read these books, in this order:\n",
        candidates="Candidates:\n",
        question="Which candidate does the user read next?\n",
        open_question="Which of all books does the user read next?\n",
    )
