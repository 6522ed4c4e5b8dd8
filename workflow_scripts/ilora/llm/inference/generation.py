"""Greedy answers to hybrid prompts, each up to its end."""

from collections.abc import Callable, Sequence

import torch
from transformers import GenerationConfig

from ilora.configuration.sections.decoding import DecodingSection
from ilora.llm.inference.answer_trie import Answers, AnswerTrie, answer_trie
from ilora.llm.inference.prompt_batches import PreparedPrompt, PromptBatch, in_batches, prompt_batch
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder
from ilora.llm.prompts.title_tokens import readable
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
    """Answer every prompt greedily; an answer is the text before its first newline.

    Prompts of like length are answered together; the answers come back in the order of the prompts.

    Args:
        model: set to evaluation mode here.
        builder: that wrote the prompts.
        prompts: at least one.
        settings: of the decoding.
        progress: is told of every answer.
        possible: for each prompt the only answers that may be written, whatever their length; None for any text.
    """
    model.eval()
    answers = [""] * len(prompts)
    for chosen in in_batches(prompts, settings.batch_size):
        batch = prompt_batch(model, [prompts[index] for index in chosen])
        if possible is None:
            generated = _generate(model, batch, builder, settings.maximum_new_tokens)
        else:
            generated = _generate_one_of(model, batch, builder, [possible[index] for index in chosen])
        for index, token_ids in zip(chosen, generated.tolist(), strict=True):
            answers[index] = readable(builder.tokenizer, token_ids).split("\n", 1)[0]
        progress.update(n=len(chosen))
    return answers


def _generate_one_of(
    model: HybridLanguageModel,
    batch: PromptBatch,
    builder: PromptBuilder,
    possible: Sequence[Answers],
) -> torch.Tensor:
    padding = int(builder.tokenizer.pad_token_id)
    allowed = only_answers([answer_trie(answers) for answers in possible], after_the_end=padding)
    longest = max(len(answer) for answers in possible for answer in answers)
    return _generate(model, batch, builder, longest, allowed)


def _generate(
    model: HybridLanguageModel,
    batch: PromptBatch,
    builder: PromptBuilder,
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
        eos_token_id=builder.stops,
        pad_token_id=builder.tokenizer.pad_token_id,
    )
    with model.gated(batch.gate_inputs, batch.embeddings, batch.attention_mask.bool()):
        generated: torch.Tensor = model.causal_model.generate(
            inputs_embeds=batch.embeddings,
            attention_mask=batch.attention_mask,
            generation_config=configuration,
            prefix_allowed_tokens_fn=allowed,
        )
    return generated


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
