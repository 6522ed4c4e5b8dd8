"""An answer ends at a newline and at the model's own end tokens."""

import logging
import math
from collections.abc import Mapping, Sequence

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hybrid_models import hybrid_model
from ilora.configuration.sections.decoding import DecodingSection
from ilora.llm.inference.generation import EndOfAnswerLine, generate_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder
from ilora.progress import Progress

APE, APE_II = 1, 2
SETTINGS = DecodingSection(batch_size=1, maximum_new_tokens=40)


def model_that_says(wishes: Sequence[Mapping[int, float]], vocabulary_size: int) -> HybridLanguageModel:
    """Return a model with these logits at each step, whatever its input; other tokens have far lower logits."""
    hybrid, steps = hybrid_model("none", vocabulary_size), iter(wishes)

    def say(module: torch.nn.Module, read: object, logits: torch.Tensor) -> torch.Tensor:
        said = torch.full_like(logits, -100.0)
        for token, logit in next(steps).items():
            said[..., token] = logit
        return said

    hybrid.causal_model.lm_head.register_forward_hook(say)
    return hybrid


def answered(hybrid: HybridLanguageModel, builder: PromptBuilder, candidates: Sequence[int], constrained: bool) -> str:
    prompt = PreparedPrompt(builder.prompt([0], candidates), None)
    possible = [[builder.answer(item) for item in candidates]] if constrained else None
    with Progress(1, "answering", logging.getLogger("test")) as progress:
        (text,) = generate_answers(hybrid, builder, [prompt], SETTINGS, progress, possible)
    return text


@pytest.fixture(params=["tokenizer", "generation config", "one of several"])
def end(request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast) -> tuple[int, list[int] | int | None]:
    """An end token, and the generation config's end tokens."""
    sign = int(tokenizer.encode("#", add_special_tokens=False)[0])  # no special token: it would be read
    return {
        "tokenizer": (int(tokenizer.eos_token_id), None),
        "generation config": (sign, sign),
        "one of several": (sign, [int(tokenizer.eos_token_id), sign]),
    }[request.param]


def test_what_follows_the_end_token_is_not_read(
    builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast, end: tuple[int, list[int] | int | None]
) -> None:
    more = tokenizer.encode("Salt and more\n", add_special_tokens=False)
    hybrid = model_that_says([{token: 0.0} for token in [*builder.titles[0], end[0], *more]], len(tokenizer))
    hybrid.causal_model.generation_config.eos_token_id = end[1]
    assert answered(hybrid, builder, [0, APE], constrained=False) == "Alien"


@pytest.mark.parametrize("newlines", [0, 1, 3])
def test_an_answer_may_begin_with_newlines(
    builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast, newlines: int
) -> None:
    """Untuned models often begin this way. The model's logits end with the answer's line, so no more may be read."""
    written = [*builder.newline * newlines, *builder.titles[0], *builder.newline]
    hybrid = model_that_says([{token: 0.0} for token in written], len(tokenizer))
    assert answered(hybrid, builder, [0, APE], constrained=False) == "Alien"


def test_nothing_but_newlines_is_an_empty_answer(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    hybrid = model_that_says([{builder.newline[-1]: 0.0}] * SETTINGS.maximum_new_tokens, len(tokenizer))
    assert answered(hybrid, builder, [0, APE], constrained=False) == ""


def test_each_row_ends_at_its_own_line(builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    blank, word = builder.line_end, builder.titles[0][0]
    written = torch.LongTensor([[blank, blank], [blank, word], [word, blank]])
    assert EndOfAnswerLine(tokenizer, blank)(written, None).tolist() == [False, False, True]


def test_a_title_may_end_by_the_end_token_among_candidates(
    builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast, end: tuple[int, list[int] | int | None]
) -> None:
    """The model prefers an end token to continuing, and continuing to a newline; all three are allowed."""
    short = tokenizer.encode("The Ape", add_special_tokens=False)
    long = [*short, *tokenizer.encode(" II", add_special_tokens=False)]
    builder.titles[APE], builder.titles[APE_II] = short, long
    wishes = [{token: 0.0} for token in long] + [{builder.newline[-1]: 0.0}]
    wishes[len(short)] = {end[0]: 2.0, long[len(short)]: 1.0, builder.newline[-1]: 0.0}
    hybrid = model_that_says(wishes, len(tokenizer))
    hybrid.causal_model.generation_config.eos_token_id = end[1]
    assert answered(hybrid, builder, [APE, APE_II, 3], constrained=True) == "The Ape"


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("overflow", [math.nan, math.inf])
def test_scores_that_overflow_are_no_answer(
    builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast, overflow: float, constrained: bool
) -> None:
    """The overflow is at the second step and at no token of a candidate, so likelihoods would not reveal it."""
    hybrid = model_that_says([{builder.titles[0][0]: 0.0}, {17: overflow}, *[{0: 0.0}] * 40], len(tokenizer))
    with pytest.raises(FloatingPointError, match="1 of 1 answers .* NaN or infinity.*: set backbone.precision to"):
        answered(hybrid, builder, [0, APE], constrained)
