"""Greedy decoding of answers to hybrid prompts."""

from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from typing import cast

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)

from ilora.configuration.sections.decoding import DecodingSection
from ilora.llm.inference.answer_trie import Answers, AnswerTrie, answer_trie
from ilora.llm.inference.prompt_batches import PreparedPrompt, PromptBatch, in_batches, prompt_batch
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder
from ilora.llm.prompts.title_tokens import readable
from ilora.predictions.choices import answer_line
from ilora.progress import Progress

AllowedTokens = Callable[[int, torch.Tensor], list[int]]
"""transformers' ``prefix_allowed_tokens_fn``: maps a row's number and tokens to the tokens that may follow."""


@torch.inference_mode()
def generate_answers(
    model: HybridLanguageModel,
    builder: PromptBuilder,
    prompts: Sequence[PreparedPrompt],
    settings: DecodingSection,
    progress: Progress,
    possible: Sequence[Answers] | None = None,
) -> list[str]:
    """Answer every prompt greedily; an answer is the first non-blank line, before any of the model's `own_ends`.

    Prompts of similar length are batched together; the answers are returned in the order of the prompts.

    Args:
        model: the model; it is set to evaluation mode.
        builder: builder that wrote the prompts.
        prompts: prompts, at least one.
        settings: decoding settings.
        progress: updated after every batch of answers.
        possible: the only answers allowed for each prompt, of any length, as returned by `PromptBuilder.answer`; None
            for free text.

    Raises:
        FloatingPointError: if the next-token scores contain NaN or infinity.
    """
    model.eval()
    ends = own_ends(model, builder)
    answers = [""] * len(prompts)
    for chosen in in_batches(prompts, settings.batch_size):
        batch = prompt_batch(model, [prompts[index] for index in chosen])
        if possible is None:
            generated = _generate(model, batch, builder, ends, settings.maximum_new_tokens)
        else:
            generated = _generate_one_of(model, batch, builder, ends, [possible[index] for index in chosen])
        for index, token_ids in zip(chosen, generated.tolist(), strict=True):
            written = list(takewhile(lambda token: token not in ends, token_ids))
            answers[index] = answer_line(readable(builder.tokenizer, written))
        progress.update(n=len(chosen))
    return answers


def own_ends(model: HybridLanguageModel, builder: PromptBuilder) -> frozenset[int]:
    """Return a model's own end tokens: its tokenizer's, and those of its generation config.

    They are needed for an untuned model, which has not learnt that a newline ends an answer.
    """
    of_model = model.causal_model.generation_config.eos_token_id
    several = of_model if isinstance(of_model, list) else [of_model]
    return frozenset(int(token) for token in (builder.tokenizer.eos_token_id, *several) if token is not None)


def with_own_ends(answers: Answers, end: Sequence[int], ends: Collection[int]) -> Answers:
    """Return the answers, followed by copies of each in which one of ``ends`` replaces ``end``."""
    return [*answers, *([*answer[: -len(end)], own] for answer in answers for own in sorted(ends))]


def _generate_one_of(
    model: HybridLanguageModel,
    batch: PromptBatch,
    builder: PromptBuilder,
    ends: Collection[int],
    possible: Sequence[Answers],
) -> torch.Tensor:
    padding = int(builder.tokenizer.pad_token_id)
    tries = [answer_trie(with_own_ends(answers, builder.end, ends)) for answers in possible]
    longest = max(len(answer) for answers in possible for answer in answers)
    return _generate(model, batch, builder, ends, longest, only_answers(tries, after_the_end=padding))


def _generate(
    model: HybridLanguageModel,
    batch: PromptBatch,
    builder: PromptBuilder,
    ends: Collection[int],
    maximum_new_tokens: int,
    allowed: AllowedTokens | None = None,
) -> torch.Tensor:
    """Return the new token ids, int64 (rows, new tokens).

    Other settings of the model's `generation_config`, such as a repetition penalty, were removed by
    `ilora.llm.model.backbones.load_causal_model`.
    """
    configuration = GenerationConfig(
        max_new_tokens=maximum_new_tokens,
        do_sample=False,
        num_beams=1,
        eos_token_id=sorted({*builder.turn_ends, *ends}) or None,
        pad_token_id=builder.tokenizer.pad_token_id,
    )
    with model.gated(batch.gate_inputs, batch.embeddings, batch.attention_mask.bool()):
        generated: torch.Tensor = model.causal_model.generate(
            inputs_embeds=batch.embeddings,
            attention_mask=batch.attention_mask,
            generation_config=configuration,
            logits_processor=LogitsProcessorList([RefuseOverflow()]),
            stopping_criteria=StoppingCriteriaList([EndOfAnswerLine(builder.tokenizer, builder.line_end)]),
            prefix_allowed_tokens_fn=allowed,
        )
    return generated


class EndOfAnswerLine(StoppingCriteria):
    """Stopping criterion that ends a row after its first non-blank line, so that an answer may begin with newlines.

    Args:
        tokenizer: tokenizer of the backbone.
        line_end: token that ends a line.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, line_end: int) -> None:
        self._tokenizer, self._line_end = tokenizer, line_end

    def __call__(self, input_ids: torch.LongTensor, scores: object, **_: object) -> torch.BoolTensor:
        """Return which rows end with the latest token, bool (rows,).

        Args:
            input_ids: tokens generated so far, int64 (rows, new tokens). They do not include the prompt, because
                generation starts from embeddings.
            scores: unused.
        """
        ended = input_ids[:, -1] == self._line_end
        for row in ended.nonzero().flatten().tolist():
            ended[row] = bool(readable(self._tokenizer, input_ids[row].tolist()).strip())
        return cast(torch.BoolTensor, ended)


class RefuseOverflow(LogitsProcessor):
    """Refuses scores that have overflowed: the argmax of NaN would be token 0, which looks like a valid answer."""

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Return the scores unchanged; minus infinity is allowed, because it marks forbidden tokens.

        Raises:
            FloatingPointError: if a score is NaN or infinity.
        """
        overflowed = (torch.isnan(scores) | torch.isposinf(scores)).any(dim=-1)
        if overflowed.any():
            raise FloatingPointError(
                f"{int(overflowed.sum())} of {len(scores)} answers of a batch: the model's next-token scores "
                "contain NaN or infinity, expected finite numbers: set backbone.precision to bfloat16 or float32"
            )
        return scores


def only_answers(tries: Sequence[AnswerTrie], after_the_end: int) -> AllowedTokens:
    """Return the constraint that each row of a batch generates one of its own answers.

    Args:
        tries: trie of each row's answers.
        after_the_end: padding token for rows that have ended while others continue.

    Returns:
        Function of a row and the tokens generated so far, int64 (new tokens,). They do not include the prompt, because
        generation starts from embeddings.
    """

    def allowed(row: int, written: torch.Tensor) -> list[int]:
        return tries[row].next_tokens(written.tolist()) or [after_the_end]

    return allowed
