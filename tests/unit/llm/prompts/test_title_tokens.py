"""Titles in common tokenizers: the same tokens everywhere, or an error that says what to do."""

import logging
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from hybrid_models import hybrid_model
from ilora.configuration.sections.decoding import DecodingSection
from ilora.datasets.register import DATASETS
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.likelihood import score_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.backbones import BackboneError, with_padding
from ilora.llm.prompts.builder import PromptBuilder, PromptStyle
from ilora.llm.prompts.title_tokens import newline_token_ids, readable
from ilora.predictions.choices import resolve_choice
from ilora.progress import Progress
from tiny_tokenizers import chat_tokenizer, llama_2_tokenizer, merging_tokenizer, unigram_tokenizer

WORDS, PLAIN = DATASETS["movielens"].wording, PromptStyle("history_first", "none")
#: In some tokenizer, each has a different number of tokens with its newline.
AWKWARD = ["Airplane!", "Ocean's 8", 'Say "Hi"', "Alaska", "8½", "千と千尋の神隠し", "Amélie", "🎬 Cut!", "Wham ! 's"]
TOKENIZERS = {
    "byte_level": chat_tokenizer("qwen"),
    "merging": merging_tokenizer(["Airplane!", "Ocean's 8", 'Say "Hi"', "la la", "Alaska"]),
    "unigram": unigram_tokenizer(),
    "llama_2": llama_2_tokenizer(),
}


def lines_of(token_ids: list[int], newline: list[int]) -> list[list[int]]:
    """Split a prompt at its newlines, which are single tokens here."""
    (end,) = newline
    lines: list[list[int]] = [[]]
    for token in token_ids:
        lines[-1].append(token)
        if token == end:
            lines.append([])
    return [line[:-1] for line in lines[:-1]]


def test_the_tokenizers_of_the_tests_would_merge_titles_with_newlines() -> None:
    tokenizer = TOKENIZERS["merging"]
    for title in ("Airplane!", "Ocean's 8", 'Say "Hi"', "Alaska"):
        alone, on_a_line = (tokenizer.encode(text, add_special_tokens=False) for text in (title, f"{title}\n"))
        assert on_a_line[: len(alone)] != alone
    assert tokenizer.decode(newline_token_ids(tokenizer)) == "\n"


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("template", ["plain", "chat"])
def test_a_title_has_the_same_tokens_in_prompts_and_answers(name: str, template: str) -> None:
    tokenizer = TOKENIZERS[name]
    tokenizer.chat_template = (
        "{{ messages[0]['content'] }}\n{% if messages[1] %}{{ messages[1]['content'] }}{% endif %}"
    )
    style = PromptStyle("history_first", "none", template)  # type: ignore[arg-type]
    builder = PromptBuilder(tokenizer, AWKWARD, style, WORDS)
    items = [*range(len(AWKWARD))]
    lines = lines_of(builder.prompt(items, items).token_ids, builder.newline)
    titles = [builder.answer(item)[: -len(builder.end)] for item in items]
    assert lines[1 : 1 + len(items)] == lines[2 + len(items) : 2 + 2 * len(items)] == titles
    for item, title in enumerate(AWKWARD):
        assert resolve_choice(readable(tokenizer, builder.answer(item)), items, AWKWARD) == item, title


#: Characters that a title may contain: `ilora.data.titles` removes control characters and line separators.
ANY_TITLE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=12).filter(
    lambda title: title.strip() == title
)


@settings(max_examples=60, deadline=None)
@given(titles=st.lists(ANY_TITLE, min_size=1, max_size=4), name=st.sampled_from(sorted(TOKENIZERS)))
def test_any_titles_can_be_told_apart_and_read_back_or_are_refused(titles: list[str], name: str) -> None:
    tokenizer = TOKENIZERS[name]
    try:
        builder = PromptBuilder(tokenizer, titles, PLAIN, WORDS)
    except ValueError as error:
        # SentencePiece writes a space as U+2581, and its unigram model finds names of special tokens in a text.
        assert any("\u2581" in title or "<" in title for title in titles), error
        assert name in ("unigram", "llama_2")
        return
    items = [*range(len(titles))]
    lines = lines_of(builder.prompt(items, items).token_ids, builder.newline)
    assert lines[1 : 1 + len(items)] == builder.titles == [builder.answer(item)[:-1] for item in items]
    for item, title in enumerate(titles):
        written = unicodedata.normalize("NFC", readable(tokenizer, builder.answer(item)).split("\n")[0])
        assert " ".join(written.split()) == " ".join(unicodedata.normalize("NFC", title).split())


def test_titles_that_cannot_be_written_are_refused() -> None:
    """An unknown character is dropped from an answer, which would never be valid."""
    lossy = unigram_tokenizer(byte_fallback=False)
    lossy.add_tokens(["\n"])
    lossy.name_or_path = "some/model"
    with pytest.raises(
        ValueError, match="tokenizer of some/model cannot represent 1 of 2 titles, such as '日本', which decodes"
    ):
        PromptBuilder(lossy, ["The Ape", "日本"], PLAIN, WORDS)


def test_a_tokenizer_without_newlines_is_refused() -> None:
    with pytest.raises(ValueError, match="has no newline, or merges a newline"):
        newline_token_ids(unigram_tokenizer(byte_fallback=False))


def test_what_pads_without_a_padding_token() -> None:
    tokenizer = unigram_tokenizer()
    assert tokenizer.pad_token is None and with_padding(tokenizer).pad_token == "</s>"
    assert with_padding(chat_tokenizer("gemma")).pad_token == "<end_of_turn>"
    bare = unigram_tokenizer()
    bare.eos_token = None
    assert with_padding(bare).pad_token == "<unk>"
    barest = merging_tokenizer(["la la"])
    barest.eos_token = None
    with pytest.raises(BackboneError, match="has no padding, end or unknown token"):
        with_padding(barest)


@pytest.mark.parametrize("name", ["merging", "unigram", "llama_2"])
def test_awkward_titles_are_scored_and_written_whole(name: str) -> None:
    """Scores use exactly the tokens of the prompt, and constrained decoding generates a title."""
    tokenizer: PreTrainedTokenizerFast = with_padding(TOKENIZERS[name])
    builder = PromptBuilder(tokenizer, AWKWARD, PLAIN, WORDS)
    model = hybrid_model("uniform", len(tokenizer))
    sets = [[0, 5, 7], [1, 2, 3, 8], [4, 6]]
    prompts = [PreparedPrompt(builder.prompt([items[0]], items), None) for items in sets]
    possible = [[builder.answer(item) for item in items] for items in sets]
    logger = logging.getLogger("test")
    with Progress(3, "answering", logger) as progress:
        answers = generate_answers(
            model,
            builder,
            prompts,
            DecodingSection(batch_size=3, maximum_new_tokens=4, constrained=True),
            progress,
            possible,
        )
    with Progress(3, "scoring", logger) as progress:
        scores = score_answers(model, prompts, possible, 3, progress)
    for items, answer, scored in zip(sets, answers, scores, strict=True):
        assert resolve_choice(answer, items, AWKWARD) in items
        np.testing.assert_array_equal(scored.tokens, [len(builder.answer(item)) for item in items])
