"""The prompt of every registered method, written out as text and token ids, with the labelled tokens."""

import numpy as np
import pytest
import torch
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from hybrid_models import hybrid_model
from ilora.adapters.labels import IGNORED_LABEL
from ilora.configuration.sections.prompt import PromptSection
from ilora.data.sequences import SequenceKey, SequenceTable
from ilora.datasets.register import DATASETS
from ilora.llm.inference.prompt_batches import PreparedPrompt, prompt_batch
from ilora.llm.model.collation import Collator, TrainingExample
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, prompt_style
from ilora.llm.prompts.context import ContextWindow
from ilora.llm.prompts.title_tokens import PLACEHOLDER_TOKEN
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.methods.register import LANGUAGE_MODEL_METHODS
from small_tuning import SMALL_TUNING, with_values

#: A word in the middle of a line includes its leading space.
WORDS = (
    *("<unk>", "<s>", "</s>", PLACEHOLDER_TOKEN, "\n"),  # 0 to 4
    *("The", " user", " has", " watched", " these", " movies,", " in", " this", " order:"),  # 5 to 13
    "Candidates:",  # 14
    *("Which", " candidate", " does", " the", " watch", " next?"),  # 15 to 20
    *("Alien", " Ape", " II", "Brazil", "a"),  # 21 to 25
)

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil"]
HISTORY, CANDIDATES = [0, 2], [3, 1]
PAPER = PromptSection(order="history_first", behaviour_token="after_title").model_dump()
EMBEDDED = PromptSection().model_dump()

TEXT_BY_THE_PAPER = """<s>The user has watched these movies, in this order:
Alien
The Ape II
Candidates:
Brazil
The Ape
Which candidate does the user watch next?
"""

TEXT_OF_THE_EMBEDDED = """<s>Candidates:
Brazil
The Ape
The user has watched these movies, in this order:
Alien
The Ape II
Which candidate does the user watch next?
"""

HYBRID_BY_THE_PAPER = """<s>The user has watched these movies, in this order:
Alien<item>
The Ape II<item>
Candidates:
Brazil<item>
The Ape<item>
Which candidate does the user watch next?
"""

HYBRID_OF_THE_EMBEDDED = """<s>Candidates:
<item>Brazil
<item>The Ape
The user has watched these movies, in this order:
<item>Alien
<item>The Ape II
Which candidate does the user watch next?
<item>"""

# Each line is a line of the prompt; 4 is a newline, 3 a behaviour token.
# fmt: off
IDS = {
    TEXT_BY_THE_PAPER: [
        1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 4,
        21, 4,
        5, 22, 23, 4,
        14, 4,
        24, 4,
        5, 22, 4,
        15, 16, 17, 18, 6, 19, 20, 4,
    ],
    TEXT_OF_THE_EMBEDDED: [
        1, 14, 4,
        24, 4,
        5, 22, 4,
        5, 6, 7, 8, 9, 10, 11, 12, 13, 4,
        21, 4,
        5, 22, 23, 4,
        15, 16, 17, 18, 6, 19, 20, 4,
    ],
    HYBRID_BY_THE_PAPER: [
        1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 4,
        21, 3, 4,
        5, 22, 23, 3, 4,
        14, 4,
        24, 3, 4,
        5, 22, 3, 4,
        15, 16, 17, 18, 6, 19, 20, 4,
    ],
    HYBRID_OF_THE_EMBEDDED: [
        1, 14, 4,
        3, 24, 4,
        3, 5, 22, 4,
        5, 6, 7, 8, 9, 10, 11, 12, 13, 4,
        3, 21, 4,
        3, 5, 22, 23, 4,
        15, 16, 17, 18, 6, 19, 20, 4,
        3,
    ],
}
# fmt: on

#: By method: the prompt in the paper's style, and in that of the embedded backbone.
EXPECTED = {
    "zero_shot": (TEXT_BY_THE_PAPER, TEXT_OF_THE_EMBEDDED),
    "tallrec": (TEXT_BY_THE_PAPER, TEXT_OF_THE_EMBEDDED),
    "llara": (HYBRID_BY_THE_PAPER, HYBRID_OF_THE_EMBEDDED),
    "ilora": (HYBRID_BY_THE_PAPER, HYBRID_OF_THE_EMBEDDED),
}

SETTINGS = with_values(SMALL_TUNING.model_copy(update={"candidates": 1}), steps=1)


def word_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer with readable ids: each word has its index in `WORDS`."""
    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?[^ \n]+|\n"), "isolated")
    words.add_special_tokens([AddedToken(token, special=True) for token in ("<s>", "</s>", PLACEHOLDER_TOKEN)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


def builder_of(method: str, section: dict[str, str], titles: list[str] = TITLES) -> PromptBuilder:
    style = prompt_style(PromptSection.read(section), LANGUAGE_MODEL_METHODS[method].prompt)
    return PromptBuilder(word_tokenizer(), titles, style, DATASETS["movielens"].wording)


def token_by_token(example: TrainingExample) -> str:
    """Return a line for each token: the token, the item of a behaviour token, and the label."""
    lines = []
    for token, item, label in zip(example.token_ids, example.behaviour, example.labels, strict=True):
        stands_for = "" if item == NO_ITEM else f" = item {item}"
        learnt = "" if label == IGNORED_LABEL else f"   <- learnt: {WORDS[label]!r}"
        lines.append(f"{WORDS[token]!r}{stands_for}{learnt}")
    return "\n".join(lines)


def test_every_method_is_written_out() -> None:
    assert {*EXPECTED} == {*LANGUAGE_MODEL_METHODS}


@pytest.mark.parametrize("method", LANGUAGE_MODEL_METHODS)
@pytest.mark.parametrize(("section", "place"), [(PAPER, 0), (EMBEDDED, 1)])
def test_the_prompt_of_a_method_as_text_and_as_token_ids(method: str, section: dict[str, str], place: int) -> None:
    text = EXPECTED[method][place]
    prompt = builder_of(method, section).prompt(HISTORY, CANDIDATES)
    assert "".join(WORDS[token] for token in prompt.token_ids) == text
    assert prompt.token_ids == IDS[text]
    items = [item for item in prompt.behaviour if item != NO_ITEM]
    hybrid = [[0, 2, 3, 1], [3, 1, 0, 2]][place]
    assert items == (hybrid if LANGUAGE_MODEL_METHODS[method].is_hybrid else [])


LEARNT = {
    "text": """'<s>'
'The'
' user'
' has'
' watched'
' these'
' movies,'
' in'
' this'
' order:'
'\\n'
'Alien'
'\\n'
'Brazil'
'\\n'
'Candidates:'
'\\n'
'The'
' Ape'
'\\n'
'Which'
' candidate'
' does'
' the'
' user'
' watch'
' next?'
'\\n'
'The'   <- learnt: 'The'
' Ape'   <- learnt: ' Ape'
'\\n'   <- learnt: '\\n'""",
    "hybrid": """'<s>'
'The'
' user'
' has'
' watched'
' these'
' movies,'
' in'
' this'
' order:'
'\\n'
'Alien'
'<item>' = item 0
'\\n'
'Brazil'
'<item>' = item 1
'\\n'
'Candidates:'
'\\n'
'The'
' Ape'
'<item>' = item 2
'\\n'
'Which'
' candidate'
' does'
' the'
' user'
' watch'
' next?'
'\\n'
'The'   <- learnt: 'The'
' Ape'   <- learnt: ' Ape'
'\\n'   <- learnt: '\\n'""",
}


@pytest.mark.parametrize("method", ["tallrec", "llara", "ilora"])
def test_only_the_title_and_its_newline_are_learnt(method: str) -> None:
    builder = builder_of(method, PAPER, ["Alien", "Brazil", "The Ape"])
    sequences = SequenceTable(
        histories=[[0, 1]],
        targets=np.array([2], dtype=np.int32),
        user_ids=np.array([0], dtype=np.int32),
        keys=[SequenceKey("train", "u", 2)],
    )
    examples = FineTuningExamples(sequences, builder, None, SETTINGS)
    assert token_by_token(examples[0]) == LEARNT[LANGUAGE_MODEL_METHODS[method].prompt]


@pytest.mark.parametrize("section", [PAPER, EMBEDDED])
def test_behaviour_tokens_land_on_their_positions_whatever_the_padding_and_the_cut(section: dict[str, str]) -> None:
    builder = builder_of("llara", section)
    model = hybrid_model("uniform", len(WORDS))
    assert model.projector is not None
    whole = builder.prompt([3, *HISTORY], CANDIDATES)
    window = ContextWindow(len(whole.token_ids) + 3, new_tokens=4)
    style = prompt_style(PromptSection.read(section), "hybrid")
    cut = PromptBuilder(word_tokenizer(), TITLES, style, DATASETS["movielens"].wording, window).prompt(
        [3, *HISTORY], CANDIDATES
    )
    assert (whole.cut, cut.cut) == (0, 1)
    prompts = [whole, cut, builder.prompt([3], [2, 0, 1]), builder.prompt([1], [0])]
    right = Collator(0)([TrainingExample(p.token_ids, p.behaviour, p.behaviour) for p in prompts])
    embedded_right = model.embed(right["input_ids"], right["behaviour"])
    embedded_left = prompt_batch(model, [PreparedPrompt(prompt, None) for prompt in prompts]).embeddings
    words = model.causal_model.get_input_embeddings().weight
    longest = max(len(prompt.token_ids) for prompt in prompts)
    for row, prompt in enumerate(prompts):
        length = len(prompt.token_ids)
        expected = torch.stack(
            [
                words[token] if item == NO_ITEM else model.projector(model.item_vectors[item])
                for token, item in zip(prompt.token_ids, prompt.behaviour, strict=True)
            ]
        )
        torch.testing.assert_close(embedded_right[row, :length], expected)
        torch.testing.assert_close(embedded_left[row, longest - length :], expected)
