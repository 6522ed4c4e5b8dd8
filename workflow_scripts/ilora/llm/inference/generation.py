"""Greedy answers to hybrid prompts, each up to its end."""

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
"""What transformers calls ``prefix_allowed_tokens_fn``: from a row's number and its tokens to those that may follow."""


@torch.inference_mode()
def generate_answers(
    model: HybridLanguageModel,
    builder: PromptBuilder,
    prompts: Sequence[PreparedPrompt],
    settings: DecodingSection,
    progress: Progress,
    possible: Sequence[Answers] | None = None,
) -> list[str]:
    """Answer every prompt greedily; an answer is the first line that is not blank, before any `own_ends` of the model.

    Prompts of like length are answered together; the answers come back in the order of the prompts.

    Args:
        model: set to evaluation mode here.
        builder: that wrote the prompts.
        prompts: at least one.
        settings: of the decoding.
        progress: is told of every answer.
        possible: for each prompt the only answers that may be written, whatever their length, as
            `PromptBuilder.answer` gives them; None for any text.

    Raises:
        FloatingPointError: if the model's scores of the next token hold NaN or infinity.
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
    """Give the tokens by which a model itself ends what it writes: its tokenizer's, and its generation config's.

    An untuned model has never learnt that a newline ends an answer.
    """
    of_model = model.causal_model.generation_config.eos_token_id
    several = of_model if isinstance(of_model, list) else [of_model]
    return frozenset(int(token) for token in (builder.tokenizer.eos_token_id, *several) if token is not None)


def with_own_ends(answers: Answers, end: Sequence[int], ends: Collection[int]) -> Answers:
    """Give answers and, beside each, the same with one of ``ends`` in the place of its ``end``."""
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
    """Give the new token ids, int64 (rows, new tokens).

    What the model's own `generation_config` asks for besides, such as a penalty for repetition, has been taken off by
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
    """Ends a row at the end of its first line that is not blank, so that an answer may begin with newlines.

    Args:
        tokenizer: of the backbone.
        line_end: the token that ends a line.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, line_end: int) -> None:
        self._tokenizer, self._line_end = tokenizer, line_end

    def __call__(self, input_ids: torch.LongTensor, scores: object, **_: object) -> torch.BoolTensor:
        """Give which rows have ended with the token written last, bool (rows,).

        Args:
            input_ids: what was written, int64 (rows, new tokens); from embeddings, generation gives no prompt.
            scores: not read.
        """
        ended = input_ids[:, -1] == self._line_end
        for row in ended.nonzero().flatten().tolist():
            ended[row] = bool(readable(self._tokenizer, input_ids[row].tolist()).strip())
        return cast(torch.BoolTensor, ended)


class RefuseOverflow(LogitsProcessor):
    """Ends a generation whose scores have overflowed: the largest of NaN is the token 0, an answer like any other."""

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Give the scores as they are; one of minus infinity marks a token that may not be written.

        Raises:
            FloatingPointError: if one is NaN or infinity.
        """
        overflowed = (torch.isnan(scores) | torch.isposinf(scores)).any(dim=-1)
        if overflowed.any():
            raise FloatingPointError(
                f"{int(overflowed.sum())} of {len(scores)} answers of a batch: the model's scores of the next token "
                "hold NaN or infinity, expected finite numbers: set backbone.precision to bfloat16 or float32"
            )
        return scores


def only_answers(tries: Sequence[AnswerTrie], after_the_end: int) -> AllowedTokens:
    """Give the rule by which each row of a batch writes one of its own answers.

    Args:
        tries: one for each row.
        after_the_end: the token that fills a row which has ended, while others go on.

    Returns:
        A function of the row and of what it has written, int64 (new tokens,). It reads no prompt: generation from
        embeddings, which hybrid prompts need, gives it none.
    """

    def allowed(row: int, written: torch.Tensor) -> list[int]:
        return tries[row].next_tokens(written.tolist()) or [after_the_end]

    return allowed
