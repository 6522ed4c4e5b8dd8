"""Greedy answers to hybrid prompts, each up to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase

from ilora.llm.inference.answer_trie import Answers, answer_trie
from ilora.llm.inference.constrained import AllowedTokens, only_answers
from ilora.llm.inference.prompt_batches import PromptBatch, Question, in_batches, prompt_batch
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.title_tokens import readable
from ilora.progress import Progress


@dataclass(frozen=True)
class DecodingSettings:
    """``batch_size`` prompts at a time; an answer has at most ``maximum_new_tokens``, its end included.

    ``constrained``: only candidates can be written, each to its end. ``candidate_score``: of
    `ilora.llm.inference.likelihood`.
    """

    batch_size: int
    maximum_new_tokens: int
    constrained: bool = False
    candidate_score: Literal["sum", "mean"] = "sum"


@torch.inference_mode()
def generate_answers(
    model: HybridLanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    stops: Sequence[int],
    questions: Sequence[Question],
    settings: DecodingSettings,
    progress: Progress,
    possible: Sequence[Answers] | None = None,
) -> list[str]:
    """Answer every question greedily; an answer is the text before its first newline.

    Prompts of like length are answered together; the answers come back in the order of the questions.

    Args:
        model: set to evaluation mode here.
        tokenizer: of the backbone.
        stops: tokens at which decoding stops, as `ilora.llm.prompts.builder.PromptBuilder` names them.
        questions: at least one.
        settings: of the decoding.
        progress: is told of every answer.
        possible: for each question the only answers that may be written, whatever their length; None for any text.
    """
    model.eval()
    answers = [""] * len(questions)
    for chosen in in_batches(questions, settings.batch_size):
        batch = prompt_batch(model, [questions[index] for index in chosen])
        if possible is None:
            generated = _generate(model, batch, stops, tokenizer, settings.maximum_new_tokens)
        else:
            generated = _generate_one_of(model, batch, stops, tokenizer, [possible[index] for index in chosen])
        for index, token_ids in zip(chosen, generated.tolist(), strict=True):
            answers[index] = readable(tokenizer, token_ids).split("\n", 1)[0]
        progress.update(n=len(chosen))
    return answers


def _generate_one_of(
    model: HybridLanguageModel,
    batch: PromptBatch,
    stops: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    possible: Sequence[Answers],
) -> torch.Tensor:
    allowed = only_answers([answer_trie(answers) for answers in possible], after_the_end=int(tokenizer.pad_token_id))
    longest = max(len(answer) for answers in possible for answer in answers)
    return _generate(model, batch, stops, tokenizer, longest, allowed)


def _generate(
    model: HybridLanguageModel,
    batch: PromptBatch,
    stops: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
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
        eos_token_id=list(stops),
        pad_token_id=tokenizer.pad_token_id,
    )
    with model.gated(batch.guidance, batch.embeddings, batch.attention_mask.bool()):
        generated: torch.Tensor = model.causal_model.generate(
            inputs_embeds=batch.embeddings,
            attention_mask=batch.attention_mask,
            generation_config=configuration,
            prefix_allowed_tokens_fn=allowed,
        )
    return generated
