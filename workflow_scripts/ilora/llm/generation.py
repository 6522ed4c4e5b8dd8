"""Greedy answers to hybrid prompts, each up to its newline."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase

from ilora.llm.hybrid_model import HybridLanguageModel
from ilora.llm.prompts import NO_ITEM, TokenisedPrompt
from ilora.progress import Progress


@dataclass(frozen=True)
class Question:
    """A prompt and, for an instance-wise adapter, the sequence representation z, float (d,)."""

    prompt: TokenisedPrompt
    sequence_representation: torch.Tensor | None


@dataclass(frozen=True)
class DecodingSettings:
    """``batch_size`` prompts at a time; an answer has at most ``maximum_new_tokens``, its newline included."""

    batch_size: int
    maximum_new_tokens: int


@torch.inference_mode()
def generate_answers(
    model: HybridLanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    newline: Sequence[int],
    questions: Sequence[Question],
    settings: DecodingSettings,
    progress: Progress,
) -> list[str]:
    """Answer every question greedily; an answer is the text before its first newline.

    Prompts of like length are answered together; the answers come back in the order of the questions.

    Args:
        model: set to evaluation mode here.
        tokenizer: of the backbone.
        newline: token ids of a newline; decoding stops at the last of them.
        questions: at least one.
        settings: of the decoding.
        progress: is told of every answer.
    """
    model.eval()
    longest_first = sorted(range(len(questions)), key=lambda index: -len(questions[index].prompt.token_ids))
    answers = [""] * len(questions)
    configuration = GenerationConfig(
        max_new_tokens=settings.maximum_new_tokens,
        do_sample=False,
        num_beams=1,
        eos_token_id=newline[-1],
        pad_token_id=tokenizer.pad_token_id,
    )
    for begin in range(0, len(questions), settings.batch_size):
        chosen = longest_first[begin : begin + settings.batch_size]
        generated = _generate(model, [questions[index] for index in chosen], configuration)
        texts = tokenizer.batch_decode(generated, skip_special_tokens=True)
        for index, text in zip(chosen, texts, strict=True):
            answers[index] = text.split("\n", 1)[0]
        progress.update(n=len(chosen))
    return answers


def _generate(
    model: HybridLanguageModel, questions: Sequence[Question], configuration: GenerationConfig
) -> torch.Tensor:
    """Give the new token ids, int64 (questions, new tokens)."""
    where = model.causal_model.device
    prompts = [question.prompt for question in questions]
    longest = max(len(prompt.token_ids) for prompt in prompts)
    shape = (len(prompts), longest)
    input_ids = torch.full(shape, int(configuration.pad_token_id or 0), dtype=torch.int64)
    behaviour = torch.full(shape, NO_ITEM, dtype=torch.int64)
    attention_mask = torch.zeros(shape, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        begin = longest - len(prompt.token_ids)
        input_ids[row, begin:] = torch.tensor(prompt.token_ids)
        behaviour[row, begin:] = torch.tensor(prompt.behaviour)
        attention_mask[row, begin:] = 1
    representations = [question.sequence_representation for question in questions]
    if model.gate is not None:
        model.set_expert_weights(torch.stack([z for z in representations if z is not None]).to(where))
    generated: torch.Tensor = model.causal_model.generate(
        inputs_embeds=model.embed(input_ids.to(where), behaviour.to(where)),
        attention_mask=attention_mask.to(where),
        generation_config=configuration,
    )
    return generated
