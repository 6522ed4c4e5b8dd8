"""Scoring candidates with a shared prompt, and decoding that stops at the newline: section ``evaluation``.

Both are measured on the embedded backbone in its default shape, with hybrid prompts and titles of the length that
MovieLens titles have in its tokenizer; scoring also on a Llama of 134M parameters with prompts of 400 tokens. The
weights are random, since no timing depends on them.
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
    """A model and the questions that it answers.

    Attributes:
        model: shape of the model; ``batch`` prompts of ``tokens`` tokens are answered together.
        longest_title: maximum number of tokens of a title; in every candidate set, all lengths from 1 are equally
            frequent.
    """

    model: Workload
    longest_title: int


@dataclass(frozen=True)
class Asked:
    """Random prompts, each with its possible answers."""

    prompts: list[PreparedPrompt]
    answers: list[list[list[int]]]


#: As in the default study: batches of 32 prompts, with an average of 141 tokens per prompt and 2.5 per title.
EMBEDDED_SETTING = Setting(replace(EMBEDDED, batch=32, tokens=141), longest_title=4)
#: 134 million parameters; titles as long as in Llama's tokenizer.
MID_SIZE_SETTING = Setting(
    Workload(batch=1, tokens=400, layers=12, hidden_size=768, intermediate_size=2048, heads=12), longest_title=9
)
#: The reference on this model processes about 8,000 tokens per prompt, hence fewer pairs.
_MID_SIZE_REPEATS = 6


def measure() -> Iterator[Claim]:
    """Measure every claim of this section, on the processor in float32."""
    yield sharing_claim("shared_prefix_vs_full", EMBEDDED_SETTING)
    yield from stopping_claims("stop_at_newline_vs_fixed_64", EMBEDDED_SETTING)
    yield sharing_claim("shared_prefix_vs_full_100m", MID_SIZE_SETTING, repeats=_MID_SIZE_REPEATS, warm_up=1)


def sharing_claim(claim: str, setting: Setting, repeats: int = REPEATS, warm_up: int = 3) -> Claim:
    """Time the scoring of all candidates with a shared prompt against reading the prompt once per candidate.

    The reference reads the twenty texts of a prompt as one batch, which is faster than reading them one by one.

    Args:
        claim: name of the claim.
        setting: model and questions.
        repeats: number of measured pairs.
        warm_up: number of preceding pairs that are discarded.
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
    """Time greedy decoding that stops at the newline against decoding of 64 new tokens, after the prompts are read.

    A second claim, ``..._with_prompts``, includes the reading of the prompts, which takes equally long on both sides.
    Since random weights do not learn where titles end, both sides write the newline at the end of a random title.

    Args:
        claim: name of the claim.
        setting: model and questions.
        repeats: number of measured pairs.
        warm_up: number of preceding pairs that are discarded.
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
    """Return the model with random weights."""
    model = random_llama(setting.model, torch.device("cpu"), torch.float32)
    return HybridLanguageModel(model).requires_grad_(False).eval()


def random_questions(setting: Setting) -> Asked:
    """Return one batch of prompts and titles of random tokens; each answer ends with the newline."""
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
    """Forces the newline in row i after ``titles[i]`` tokens, and records the time of the first logits."""

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
