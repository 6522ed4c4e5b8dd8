"""Scores of candidates: sharing the prefix affects only the speed."""

import logging

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import (
    PreTrainedTokenizerFast,
)

from hybrid_models import Adapter, hybrid_model
from ilora.llm.inference.likelihood import score_answers, score_without_sharing
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder
from ilora.progress import Progress
from tiny_models import ARCHITECTURES, representations

#: Candidate sets for prompts of different lengths.
SETS = [([0, 1, 2], [3, 4, 1, 2]), ([5], [0, 1]), ([4, 3, 7, 6, 5], [1, 2, 6, 7, 0, 3])]


def prompts_of(builder: PromptBuilder, dtype: torch.dtype = torch.float64) -> list[PreparedPrompt]:
    gate_inputs = representations(len(SETS), dtype=dtype)
    return [
        PreparedPrompt(builder.prompt(history, candidates), z)
        for (history, candidates), z in zip(SETS, gate_inputs, strict=True)
    ]


def answers_of(builder: PromptBuilder) -> list[list[list[int]]]:
    return [[builder.answer(item) for item in candidates] for _, candidates in SETS]


def by_hand(hybrid: HybridLanguageModel, prompt: PreparedPrompt, answer: list[int]) -> float:
    """Compute the log-probability of one answer from one text, without padding, cache or mask."""
    length = len(prompt.tokens.token_ids)
    tokens = torch.tensor([prompt.tokens.token_ids + answer])
    embeddings = hybrid.embed(tokens, torch.tensor([prompt.tokens.behaviour + [NO_ITEM] * len(answer)]))
    gate_inputs = None if prompt.gate_input is None else prompt.gate_input[None]
    with hybrid.gated(gate_inputs, embeddings, torch.arange(tokens.shape[1])[None] < length):
        log_probabilities = hybrid.causal_model(inputs_embeds=embeddings).logits[0].log_softmax(dim=-1)
    return float(sum(log_probabilities[length + place - 1, token] for place, token in enumerate(answer)))


def assert_equal_to_ten_digits(found: npt.NDArray[np.float64], expected: npt.NDArray[np.float64] | list[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def progress() -> Progress:
    return Progress(len(SETS), "scoring", logging.getLogger("test"))


@pytest.mark.parametrize("adapter", ["none", "uniform", "instance_wise", "token_collapsed"])
@pytest.mark.parametrize("family", ARCHITECTURES)
def test_scores_equal_those_of_each_text_alone(
    family: str, adapter: Adapter, builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    # Gemma 2 supports only eager attention, whose softmax is in single precision.
    dtype, tolerance = (torch.float32, 1e-4) if family == "gemma2" else (torch.float64, 1e-10)
    hybrid = hybrid_model(adapter, len(tokenizer), family, dtype)
    prompts, answers = prompts_of(builder, dtype), answers_of(builder)
    with progress() as shown:
        scores = score_answers(hybrid, prompts, answers, batch_size=2, progress=shown)
    assert shown.step == len(SETS)
    for prompt, possible, found in zip(prompts, answers, scores, strict=True):
        expected = np.array([by_hand(hybrid, prompt, answer) for answer in possible])
        means = expected / [len(answer) for answer in possible]
        np.testing.assert_allclose(found.sums, expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(found.means, means, rtol=0, atol=tolerance)
        apart = score_without_sharing(hybrid, prompt, possible).sums
        np.testing.assert_allclose(apart, expected, rtol=0, atol=tolerance)


def test_the_adapters_of_the_tests_matter(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    (prompt, *_), (answers, *_) = prompts_of(builder), answers_of(builder)
    sums = [
        score_without_sharing(hybrid_model(adapter, len(tokenizer)), prompt, answers).sums
        for adapter in ("none", "uniform", "instance_wise", "token_collapsed")
    ]
    assert all(np.abs(first - second).max() > 0.01 for first, second in zip(sums, sums[1:], strict=False))


def test_eager_attention_reads_the_same_mask(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    hybrid = hybrid_model("none", len(tokenizer), dtype=torch.float32, attn_implementation="eager")
    assert hybrid.causal_model.config._attn_implementation == "eager"
    prompts, answers = prompts_of(builder), answers_of(builder)
    with progress() as shown:
        scores = score_answers(hybrid, prompts, answers, batch_size=3, progress=shown)
    expected = [by_hand(hybrid, prompts[1], answer) for answer in answers[1]]
    np.testing.assert_allclose(scores[1].sums, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_batch_scores_as_one_at_a_time(
    batch_size: int, builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model("instance_wise", len(tokenizer))
    prompts, answers = prompts_of(builder), answers_of(builder)
    with progress() as shown:
        together = score_answers(hybrid, prompts, answers, batch_size=3, progress=shown)
        apart = score_answers(hybrid, prompts, answers, batch_size, progress=shown)
    for one, other in zip(together, apart, strict=True):
        assert_equal_to_ten_digits(one.sums, other.sums)


def test_a_window_that_texts_outgrow_is_kept_to_and_reported(
    builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast, caplog: pytest.LogCaptureFixture
) -> None:
    prompts, answers = prompts_of(builder), answers_of(builder)
    lengths = [len(prompt.tokens.token_ids) for prompt in prompts]
    longest = max(lengths) + max(len(answer) for possible in answers for answer in possible)
    for window, warnings in ((longest, 0), (longest - 1, 1), (min(lengths) // 2, 1)):
        caplog.clear()
        hybrid = hybrid_model("instance_wise", len(tokenizer), "mistral", sliding_window=window)
        with progress() as shown:
            scores = score_answers(hybrid, prompts, answers, batch_size=2, progress=shown)
        expected = [by_hand(hybrid, prompts[2], answer) for answer in answers[2]]
        assert_equal_to_ten_digits(scores[2].sums, expected)
        assert len(caplog.messages) == warnings
    assert "processed again for each" in caplog.messages[0]


def test_the_same_tokens_score_exactly_the_same(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    hybrid = hybrid_model("uniform", len(tokenizer), dtype=torch.float32)
    prompt = PreparedPrompt(builder.prompt([5, 6], [0, 1, 2, 3]), None)
    answers = [builder.answer(item) for item in (0, 1, 2, 1, 3, 1)]
    with progress() as shown:
        (scores,) = score_answers(hybrid, [prompt], [answers], batch_size=1, progress=shown)
    assert scores.sums[1] == scores.sums[3] == scores.sums[5]
    assert len(set(scores.sums)) == 4


def test_half_precision_is_close(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    wide = hybrid_model("none", len(tokenizer))
    narrow = hybrid_model("none", len(tokenizer), dtype=torch.bfloat16)
    prompts, answers = prompts_of(builder), answers_of(builder)
    with progress() as shown:
        expected = score_answers(wide, prompts, answers, batch_size=3, progress=shown)
        found = score_answers(narrow, prompts, answers, batch_size=3, progress=shown)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.sums, other.sums, rtol=0.05)


def test_scores_that_are_not_finite_are_refused(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    hybrid = hybrid_model("none", len(tokenizer))
    hybrid.causal_model.get_input_embeddings().weight.data.fill_(torch.nan)
    prompt = PreparedPrompt(builder.prompt([5], [0, 1]), None)
    with progress() as shown, pytest.raises(FloatingPointError, match="2 of 2 answers"):
        score_answers(hybrid, [prompt], [[builder.answer(0), builder.answer(1)]], batch_size=1, progress=shown)
