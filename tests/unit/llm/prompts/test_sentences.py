"""Prompts as running text, written out."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ilora.datasets.register import DATASETS
from ilora.llm.prompts.builder import NO_ITEM, BehaviourTokenPlace, PromptBuilder, PromptStyle
from ilora.llm.prompts.context import ContextWindow

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil"]
WORDING = DATASETS["movielens"].wording
HISTORY, CANDIDATES = "Alien{0}, The Ape II{0}", "Brazil{0}, The Ape{0}"
TEXTS = (
    f"The user has watched these movies, in this order: {HISTORY}. Candidates: {CANDIDATES}. "
    "Which candidate does the user watch next? ",
    f"The user has watched these movies, in this order: {HISTORY}. One of these comes next: {CANDIDATES}. "
    "The one that comes next is: ",
    f"From first to last, a user has chosen: {HISTORY}. Recommend what to choose next out of: {CANDIDATES}. "
    "Name one of them and nothing else. Recommendation: ",
)


def builder_of(
    tokenizer: PreTrainedTokenizerFast, place: BehaviourTokenPlace, window: ContextWindow | None = None
) -> PromptBuilder:
    style = PromptStyle("candidates_first", place, texts="sentences")
    return PromptBuilder(tokenizer, TITLES, style, WORDING, window)


def metaspace_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that adds a word-start to every text, like Llama 2's, with a token for each letter."""
    letters = sorted({letter for text in (*TEXTS, *TITLES, "a,\n") for letter in text} - {" "})
    vocabulary = {token: number for number, token in enumerate(["<unk>", "<s>", "▁", *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_text_and_its_behaviour_tokens(tokenizer: PreTrainedTokenizerFast, number: int) -> None:
    builder = builder_of(tokenizer, "after_title")
    prompt = builder.prompt(history=[0, 2], candidates=[3, 1], text=number)
    assert tokenizer.decode(prompt.token_ids) == "<s>" + TEXTS[number].format("<item>")
    marked = [index for token, index in zip(prompt.token_ids, prompt.behaviour, strict=True) if index != NO_ITEM]
    assert marked == [0, 2, 3, 1]
    assert all(
        (token == builder.placeholder) == (index != NO_ITEM)
        for token, index in zip(prompt.token_ids, prompt.behaviour, strict=True)
    )


def test_behaviour_tokens_before_titles_and_none(tokenizer: PreTrainedTokenizerFast) -> None:
    before = builder_of(tokenizer, "before_title").prompt([0], [3, 1])
    assert tokenizer.decode(before.token_ids) == (
        "<s>The user has watched these movies, in this order: <item>Alien. Candidates: <item>Brazil, <item>The Ape. "
        "Which candidate does the user watch next? <item>"
    )
    without = builder_of(tokenizer, "none").prompt([0, 2], [3, 1])
    assert tokenizer.decode(without.token_ids) == "<s>" + TEXTS[0].format("")


def test_texts_without_candidates(tokenizer: PreTrainedTokenizerFast) -> None:
    history = "Alien<item>, The Ape II<item>"
    listed = f"<s>The user has watched these movies, in this order: {history}"
    expected = [
        f"{listed}. Which of all movies does the user watch next? ",
        f"{listed}. The one that comes next is: ",
        f"<s>From first to last, a user has chosen: {history}. Recommend what to choose next. Name one and nothing "
        "else. Recommendation: ",
    ]
    style = PromptStyle("candidates_first", "after_title", texts="sentences", candidates="none")
    builder = PromptBuilder(tokenizer, TITLES, style, WORDING)
    prompts = [builder.prompt([0, 2], [3, 1], number) for number in range(3)]
    assert [tokenizer.decode(prompt.token_ids) for prompt in prompts] == expected
    assert [[item for item in prompt.behaviour if item != NO_ITEM] for prompt in prompts] == [[0, 2]] * 3


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_tokenizer_that_begins_every_text_with_a_space(number: int) -> None:
    tokenizer = metaspace_tokenizer()
    builder = builder_of(tokenizer, "none")
    prompt = builder.prompt([0, 2], [3, 1], number)
    read = tokenizer.decode([*prompt.token_ids, *builder.titles[3]], skip_special_tokens=True)
    assert read == TEXTS[number].format("") + "Brazil"


def test_texts_are_drawn_by_their_seed_and_all_are_met(tokenizer: PreTrainedTokenizerFast) -> None:
    builder = builder_of(tokenizer, "none")
    drawn = [builder.draw_text([1, 2, number]) for number in range(300)]
    assert drawn == [builder.draw_text([1, 2, number]) for number in range(300)]
    assert all(drawn.count(text) == pytest.approx(100, abs=30) for text in range(3))
    lists = PromptBuilder(tokenizer, TITLES, PromptStyle("history_first", "none"), WORDING)
    assert {lists.draw_text([1, 2, number]) for number in range(9)} == {0}


def test_a_history_that_does_not_fit_is_cut_in_the_same_text(tokenizer: PreTrainedTokenizerFast) -> None:
    short = builder_of(tokenizer, "none").prompt([2], [3, 1], 1)
    answer = max(len(title) for title in builder_of(tokenizer, "none").titles) + 1
    prompt = builder_of(tokenizer, "none", ContextWindow(len(short.token_ids) + answer)).prompt([0, 2], [3, 1], 1)
    assert (prompt.token_ids, prompt.cut) == (short.token_ids, 1)


def test_a_chat_has_sentences_of_its_own(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}[end]{% endfor %}[assistant]"
    style = PromptStyle("history_first", "none", "chat", "sentences")
    with pytest.raises(ValueError, match=r"finetuning\.prompt_texts: found sentences with prompt\.template chat"):
        PromptBuilder(tokenizer, TITLES, style, WORDING)


def test_a_tokenizer_that_loses_the_space_before_titles_is_refused() -> None:
    tokenizer = metaspace_tokenizer()
    tokenizer.backend_tokenizer.decoder = decoders.Replace("▁", "")
    with pytest.raises(ValueError, match="next to a title: set finetuning.prompt_texts to lists"):
        PromptBuilder(tokenizer, ["Alien"], PromptStyle("history_first", "none", texts="sentences"), WORDING)
