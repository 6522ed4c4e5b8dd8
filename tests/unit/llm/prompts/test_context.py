"""Histories that exceed the model's context lose their oldest items, which is counted."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pytest
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.artifacts.schemas import CANDIDATES
from ilora.configuration.sections.decoding import DecodingSection
from ilora.data.sequences import SequenceTable
from ilora.datasets.register import DATASETS
from ilora.llm.inference.predicting import PromptedModel, predict
from ilora.llm.model.adapter import attach_adapter
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, PromptStyle
from ilora.llm.prompts.context import ContextWindow, context_window
from ilora.llm.training.fine_tuning import FineTuningExamples, fine_tune
from small_tuning import SMALL_TUNING, small_adapter, with_values

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
HISTORY, CANDIDATE_SET = [4, 5, 6, 7], [0, 1, 2]

TEXT_ONLY = small_adapter("uniform", "text")
SETTINGS = with_values(SMALL_TUNING, steps=2)


def windowed(tokenizer: PreTrainedTokenizerFast, window: ContextWindow | None) -> PromptBuilder:
    style = PromptStyle("candidates_first", "before_title")
    return PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording, window)


def prompt_length(builder: PromptBuilder, history: list[int]) -> int:
    return len(builder.prompt(history, CANDIDATE_SET).token_ids)


def test_a_prompt_that_fits_to_the_last_token_stays_as_it_is(tokenizer: PreTrainedTokenizerFast) -> None:
    unlimited = windowed(tokenizer, None)
    whole = unlimited.prompt(HISTORY, CANDIDATE_SET)
    answer = max(len(unlimited.answer(item)) for item in range(len(TITLES)))
    fitting = ContextWindow(len(whole.token_ids) + answer)
    assert windowed(tokenizer, fitting).prompt(HISTORY, CANDIDATE_SET) == whole
    shorter = windowed(tokenizer, replace(fitting, tokens=fitting.tokens - 1)).prompt(HISTORY, CANDIDATE_SET)
    assert shorter.cut == 1


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_the_oldest_items_go_first_and_no_more_than_must(tokenizer: PreTrainedTokenizerFast, kept: int) -> None:
    unlimited = windowed(tokenizer, None)
    new_tokens = 20
    tokens = prompt_length(unlimited, HISTORY[-kept:]) + new_tokens
    prompt = windowed(tokenizer, ContextWindow(tokens, new_tokens)).prompt(HISTORY, CANDIDATE_SET)
    expected = unlimited.prompt(HISTORY[-kept:], CANDIDATE_SET)
    assert (prompt.token_ids, prompt.behaviour) == (expected.token_ids, expected.behaviour)
    assert prompt.cut == len(HISTORY) - kept
    assert [item for item in prompt.behaviour if item != NO_ITEM][len(CANDIDATE_SET) :] == HISTORY[-kept:]


def test_candidates_that_leave_no_room_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = prompt_length(windowed(tokenizer, None), HISTORY[-1:]) + 19
    with pytest.raises(ValueError, match=r"3 candidates and one item of history has \d+ tokens, expected at most"):
        windowed(tokenizer, ContextWindow(tokens, new_tokens=20)).prompt(HISTORY, CANDIDATE_SET)


def test_the_context_is_the_models_own(llama: LlamaForCausalLM) -> None:
    assert context_window(llama, 5) == ContextWindow(1024, 5)
    assert ContextWindow(100, 5).longest_prompt(longest_answer=8) == 92
    assert ContextWindow(100, 9).longest_prompt(longest_answer=8) == 91
    assert context_window(SimpleNamespace(config=SimpleNamespace())) is None


def candidate_rows() -> pa.Table:
    rows = [{"sequence_id": row, "draw": 0, "candidates": [4, 7, 0], "hash": "h"} for row in (2, 3)]
    return pa.Table.from_pylist(rows, schema=CANDIDATES)


@pytest.mark.parametrize(("spare", "expected"), [(0, []), (-1, ["2 of 2 prompts did not fit the model's context"])])
def test_answering_says_how_many_were_cut(
    tokenizer: PreTrainedTokenizerFast,
    llama: LlamaForCausalLM,
    sequences: SequenceTable,
    caplog: pytest.LogCaptureFixture,
    spare: int,
    expected: list[str],
) -> None:
    unlimited = windowed(tokenizer, None)
    lengths = [len(unlimited.prompt(sequences.histories[row], [4, 7, 0]).token_ids) for row in (2, 3)]
    builder = windowed(tokenizer, ContextWindow((max if spare == 0 else min)(lengths) + spare + 20, 20))
    prompted = PromptedModel(HybridLanguageModel(llama), builder, "the model")
    predict(prompted, sequences, candidate_rows(), DecodingSection(batch_size=2, maximum_new_tokens=20))
    assert warnings_of(caplog) == expected


def test_fine_tuning_says_how_many_were_cut(
    tokenizer: PreTrainedTokenizerFast,
    llama: LlamaForCausalLM,
    sequences: SequenceTable,
    caplog: pytest.LogCaptureFixture,
) -> None:
    builder = windowed(tokenizer, ContextWindow(prompt_length(windowed(tokenizer, None), [0, 1]) + 20, 20))
    examples = FineTuningExamples(sequences, builder, None, SETTINGS)
    model = attach_adapter(llama.requires_grad_(False), None, None, TEXT_ONLY, 4, seed=1)
    fine_tune(model, examples, lambda step: None)
    assert (examples.cut, examples.asked) == (4, 4)
    assert warnings_of(caplog) == ["4 of 4 prompts did not fit the model's context"]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the text of the warnings between the description and the semicolon."""
    return [
        record.getMessage().split(": ", 1)[1].split(";")[0]
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name.startswith("ilora.")
    ]
