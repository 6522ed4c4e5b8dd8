"""Scoring candidates behind one shared prompt, and decoding that stops at the newline: section ``evaluation``.

Both on the embedded backbone in its default shape, with hybrid prompts and titles as long as MovieLens' are in its
tokenizer; scoring also on a Llama of 134M parameters with prompts of 400 tokens. The weights are random, for nothing
that is timed depends on them.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from ilora.benchmarks.claims import REPEATS, Claim, compare, compare_times
from ilora.benchmarks.devices import describe
from ilora.benchmarks.workloads import EMBEDDED, Workload, random_llama
from ilora.llm.inference.likelihood import score_answers, score_without_sharing
from ilora.llm.inference.prompt_batches import PreparedPrompt, PromptBatch, prompt_batch
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, TokenisedPrompt
from ilora.progress import Progress

_CANDIDATES, _FIXED_NEW_TOKENS, _NEWLINE = 20, 64, 1


@dataclass(frozen=True)
class Setting:
    """What is asked of which model.

    Attributes:
        model: its shape; ``batch`` prompts are answered together, with prompts of ``tokens`` tokens.
        longest_title: titles have 1 to so many tokens, in every candidate set each length as often.
    """

    model: Workload
    longest_title: int


@dataclass(frozen=True)
class Asked:
    """Random prompts, and for each of them the possible answers."""

    prompts: list[PreparedPrompt]
    answers: list[list[list[int]]]


#: The default study's: 32 prompts in a batch, of 141 tokens on average, titles of 2.5.
EMBEDDED_SETTING = Setting(replace(EMBEDDED, batch=32, tokens=141), longest_title=4)
#: 134 million parameters; titles as Llama's tokenizer cuts them.
MID_SIZE_SETTING = Setting(
    Workload(batch=1, tokens=400, layers=12, hidden_size=768, intermediate_size=2048, heads=12), longest_title=9
)
#: A reference of the model of that size takes about 8,000 tokens' time, hence fewer pairs.
_MID_SIZE_REPEATS = 6


def measure() -> Iterator[Claim]:
    """Measure every claim of this section, on the processor in float32."""
    yield sharing_claim("shared_prefix_vs_full", EMBEDDED_SETTING)
    yield from stopping_claims("stop_at_newline_vs_fixed_64", EMBEDDED_SETTING)
    yield sharing_claim("shared_prefix_vs_full_100m", MID_SIZE_SETTING, repeats=_MID_SIZE_REPEATS, warm_up=1)


def sharing_claim(claim: str, setting: Setting, repeats: int = REPEATS, warm_up: int = 3) -> Claim:
    """Time the scoring of every candidate behind its shared prompt against reading each prompt once a candidate.

    The reference reads the twenty texts of a prompt as one batch, which is faster than one after the other.

    Args:
        claim: its name.
        setting: what is asked.
        repeats: pairs that count.
        warm_up: pairs before them that do not.
    """
    model, asked = random_model(setting), random_questions(setting)

    def shared() -> None:
        progress = Progress(len(asked.prompts), "scoring", logging.getLogger(__name__))
        score_answers(model, asked.prompts, asked.answers, setting.model.batch, progress)

    def full() -> None:
        for prompt, answers in zip(asked.prompts, asked.answers, strict=True):
            score_without_sharing(model, prompt, answers)

    hardware = describe(torch.device("cpu"), torch.float32)
    return compare_times(claim, shared, full, target=1 / 8, repeats=repeats, warm_up=warm_up, hardware=hardware)


def stopping_claims(claim: str, setting: Setting, repeats: int = REPEATS, warm_up: int = 3) -> Iterator[Claim]:
    """Time greedy decoding that stops at the newline against 64 new tokens, once the prompts have been read.

    A second claim, ``..._with_prompts``, is of the whole: the prompts' reading, which nothing shortens, counts in both.
    Random weights know no end of a title: in both, the newline is written where a random title ends.

    Args:
        claim: its name.
        setting: what is asked.
        repeats: pairs that count.
        warm_up: pairs before them that do not.
    """
    model, asked = random_model(setting), random_questions(setting)
    batch = prompt_batch(model, asked.prompts)
    titles = torch.tensor([len(answers[0]) - 1 for answers in asked.answers])
    stopping = GenerationConfig(pad_token_id=0, max_new_tokens=setting.longest_title + 1, eos_token_id=_NEWLINE)
    fixed = GenerationConfig(
        pad_token_id=0, max_new_tokens=_FIXED_NEW_TOKENS, min_new_tokens=_FIXED_NEW_TOKENS, eos_token_id=None
    )

    def seconds(configuration: GenerationConfig, part: Callable[[_Seconds], float]) -> Callable[[], float]:
        return lambda: part(_decode(model, batch, titles, configuration))

    parts: dict[str, Callable[[_Seconds], float]] = {
        claim: attrgetter("after_prompts"),
        f"{claim}_with_prompts": attrgetter("total"),
    }
    for name, part in parts.items():
        yield compare(
            name,
            seconds(stopping, part),
            seconds(fixed, part),
            unit="s",
            target=1 / 5,
            repeats=repeats,
            warm_up=warm_up,
            hardware=describe(torch.device("cpu"), torch.float32),
        )


def random_model(setting: Setting) -> HybridLanguageModel:
    """Make the model with random weights."""
    model = random_llama(setting.model, torch.device("cpu"), torch.float32)
    return HybridLanguageModel(model).requires_grad_(False).eval()


def random_questions(setting: Setting) -> Asked:
    """Make one batch of prompts whose prompts and titles are random tokens; each answer ends in the newline."""
    generator = np.random.default_rng(0)

    def tokens(count: int) -> list[int]:
        return [int(token) for token in generator.integers(_NEWLINE + 1, setting.model.vocabulary_size, count)]

    prompts, answers = [], []
    for _ in range(setting.model.batch):
        prompt = tokens(setting.model.tokens)
        prompts.append(PreparedPrompt(TokenisedPrompt(prompt, [NO_ITEM] * len(prompt)), None))
        lengths = generator.permutation(1 + np.arange(_CANDIDATES) % setting.longest_title)
        answers.append([[*tokens(length), _NEWLINE] for length in lengths])
    return Asked(prompts, answers)


class _EndTitles(LogitsProcessor):
    """Lets row number i write its newline after ``titles[i]`` tokens; notes when the first logits are there."""

    def __init__(self, titles: torch.Tensor) -> None:
        self._titles = titles
        self.prompts_read = 0.0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.prompts_read = self.prompts_read or time.perf_counter()
        scores[:, _NEWLINE] = torch.where(self._titles == input_ids.shape[1], torch.inf, -torch.inf)
        return scores


@dataclass(frozen=True)
class _Seconds:
    total: float
    after_prompts: float


@torch.inference_mode()
def _decode(
    model: HybridLanguageModel, batch: PromptBatch, titles: torch.Tensor, configuration: GenerationConfig
) -> _Seconds:
    ending, begun = _EndTitles(titles), time.perf_counter()
    model.causal_model.generate(
        inputs_embeds=batch.embeddings,
        attention_mask=batch.attention_mask,
        generation_config=configuration,
        logits_processor=LogitsProcessorList([ending]),
    )
    ended = time.perf_counter()
    return _Seconds(total=ended - begun, after_prompts=ended - ending.prompts_read)
