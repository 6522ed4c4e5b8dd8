"""Constrained decoding generates the most likely next token among those that lead to an answer."""

import logging

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hybrid_models import Adapter, hybrid_model
from ilora.configuration.sections.decoding import DecodingSection
from ilora.llm.inference.answer_trie import ROOT, answer_trie
from ilora.llm.inference.generation import generate_answers, only_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder
from ilora.predictions.choices import resolve_choice
from ilora.progress import Progress
from tiny_models import representations

SETS = [([0, 1, 2], [3, 4, 1, 2]), ([5], [0, 1]), ([4, 3, 7, 6, 5], [1, 2, 6, 7, 0, 3])]


def test_what_begins_alike_is_one_path() -> None:
    trie = answer_trie([[1, 2, 9], [1, 2, 3, 9], [4, 9], [1, 2, 9]])
    assert trie.tokens == [1, 2, 9, 3, 9, 4, 9]
    assert trie.parents == [ROOT, 0, 1, 1, 3, ROOT, 5]
    assert trie.ends == [2, 4, 6, 2]
    assert [trie.next_tokens(written) for written in ([], [1], [1, 2], [1, 2, 3], [1, 2, 9], [4, 3])] == [
        [1, 4],
        [2],
        [9, 3],
        [9],
        [],
        [],
    ]


@pytest.mark.parametrize("answers", [[], [[1, 9], []]])
def test_a_trie_needs_answers_with_tokens(answers: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="expected none"):
        answer_trie(answers)


def test_each_row_has_its_own_answers_and_padding_after_them() -> None:
    allowed = only_answers([answer_trie([[1, 9]]), answer_trie([[2, 3, 9]])], after_the_end=0)
    assert allowed(0, torch.tensor([], dtype=torch.int64)) == [1]
    assert allowed(1, torch.tensor([2])) == [3]
    assert allowed(0, torch.tensor([1, 9])) == [0]
    assert allowed(0, torch.tensor([1, 9, 0])) == [0]


def by_hand(hybrid: HybridLanguageModel, prompt: PreparedPrompt, answers: list[list[int]], end: int) -> list[int]:
    """Find the most likely allowed token at each step from whole texts, without padding or cache."""
    read = prompt.tokens
    written: list[int] = []
    answers = [*answers, *([*answer[:-1], end] for answer in answers)]
    while written not in answers:
        tokens = torch.tensor([read.token_ids + written])
        embeddings = hybrid.embed(tokens, torch.tensor([read.behaviour + [NO_ITEM] * len(written)]))
        gate_inputs = None if prompt.gate_input is None else prompt.gate_input[None]
        with hybrid.gated(gate_inputs, embeddings, torch.arange(tokens.shape[1])[None] < len(read.token_ids)):
            logits = hybrid.causal_model(inputs_embeds=embeddings).logits[0, -1]
        allowed = {answer[len(written)] for answer in answers if answer[: len(written)] == written}
        written = [*written, max(allowed, key=lambda token: float(logits[token]))]
    return written


@pytest.mark.parametrize("adapter", ["none", "uniform", "instance_wise", "token_collapsed"])
def test_constrained_answers_equal_those_by_hand(
    adapter: Adapter, builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model(adapter, len(tokenizer))
    prompts = [
        PreparedPrompt(builder.prompt(history, candidates), z)
        for (history, candidates), z in zip(SETS, representations(len(SETS), dtype=torch.float64), strict=True)
    ]
    possible = [[builder.answer(item) for item in candidates] for _, candidates in SETS]
    # One new token is too few for any title, but constrained answers are always completed.
    settings = DecodingSection(batch_size=2, maximum_new_tokens=1)
    with Progress(len(SETS), "answering", logging.getLogger("test")) as progress:
        found = generate_answers(hybrid, builder, prompts, settings, progress, possible)
    for prompt, answers, text in zip(prompts, possible, found, strict=True):
        assert text == tokenizer.decode(by_hand(hybrid, prompt, answers, tokenizer.eos_token_id)[:-1])


def test_without_constraints_such_a_model_names_no_candidate(
    builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model("none", len(tokenizer))
    history, candidates = SETS[0]
    prompts = [PreparedPrompt(builder.prompt(history, candidates), None)]
    possible = [[builder.answer(item) for item in candidates]]
    titles = [str(tokenizer.decode(title)) for title in builder.titles]
    with Progress(1, "answering", logging.getLogger("test")) as progress:
        settings = DecodingSection(batch_size=1, maximum_new_tokens=6)
        (free,) = generate_answers(hybrid, builder, prompts, settings, progress)
        (bound,) = generate_answers(hybrid, builder, prompts, settings, progress, possible)
    assert resolve_choice(free, candidates, titles) is None
    assert resolve_choice(bound, candidates, titles) in candidates
