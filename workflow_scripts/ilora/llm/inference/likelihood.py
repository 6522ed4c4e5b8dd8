"""Log-probabilities of whole answers, with each prompt processed once for all its answers.

All answers to a prompt follow it in one row, as the trie of `ilora.llm.inference.answer_trie`
(`ilora.llm.inference.shared_prompts` explains how). Shared prefixes are processed once, and identical answers have
exactly the same score.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ilora.llm.inference.answer_trie import Answers
from ilora.llm.inference.packed_answers import PackedAnswers, pack_answers, visible_among
from ilora.llm.inference.prompt_batches import PreparedPrompt, in_batches, prompt_batch
from ilora.llm.inference.shared_prompts import (
    ReadPrompts,
    can_share,
    log_probabilities_of,
    read_behind,
    read_prompts,
    wide,
)
from ilora.llm.model.collation import pad_right
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswerScores:
    """Natural log-probabilities of the possible answers to a prompt.

    Attributes:
        sums: sum over the tokens of each answer, including its end, float64 (answers,): the log-probability that the
            model generates exactly this answer, and the objective of greedy and exhaustive search.
        tokens: number of tokens of each answer, int64 (answers,).
    """

    sums: NDArray[np.float64]
    tokens: NDArray[np.int64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Length-normalised scores: the mean over each answer's tokens, float64 (answers,).

        The mean favours long titles: after the first words of a title that is listed in the prompt, the rest is almost
        certain.
        """
        return self.sums / self.tokens


@torch.inference_mode()
def score_answers(
    model: HybridLanguageModel,
    prompts: Sequence[PreparedPrompt],
    answers: Sequence[Answers],
    batch_size: int,
    progress: Progress,
) -> list[AnswerScores]:
    """Score the answers to every prompt; each prompt has its own answers.

    Args:
        model: the model; it is set to evaluation mode.
        prompts: prompts, at least one.
        answers: possible answers to each prompt, as token ids; none is empty.
        batch_size: number of prompts per batch.
        progress: updated after every batch of prompts.

    Returns:
        The scores of each prompt, in the order of the prompts.

    Raises:
        FloatingPointError: if a score is not finite.
    """
    apart = [_Distinct.of(possible) for possible in answers]
    scores = _score(model, prompts, [pack_answers(one.answers) for one in apart], batch_size, progress)
    return [one.restore(found) for one, found in zip(apart, scores, strict=True)]


@torch.inference_mode()
def score_without_sharing(model: HybridLanguageModel, prompt: PreparedPrompt, answers: Answers) -> AnswerScores:
    """Score the answers to one prompt by processing the prompt again for each answer.

    This works with every causal model and yields the same numbers: all texts form one batch, padded on the right.
    """
    tokens, where = prompt.tokens, model.causal_model.device
    input_ids = pad_right([[*tokens.token_ids, *answer] for answer in answers], 0).to(where)
    behaviour = pad_right([tokens.behaviour + [NO_ITEM] * len(answer) for answer in answers], NO_ITEM).to(where)
    embeddings = model.embed(input_ids, behaviour)
    in_prompt = torch.arange(input_ids.shape[1], device=where) < len(tokens.token_ids)
    gate_inputs = None if prompt.gate_input is None else prompt.gate_input.to(where).expand(len(answers), -1)
    longest = input_ids.shape[1] - len(tokens.token_ids)
    with model.gated(gate_inputs, embeddings, in_prompt.expand(len(answers), -1)):
        output = model.causal_model(inputs_embeds=embeddings, use_cache=False, logits_to_keep=longest + 1)
    log_probabilities = wide(output.logits[:, :-1]).log_softmax(dim=-1)
    of_tokens = log_probabilities.gather(2, input_ids[:, -longest:, None])[..., 0]
    lengths = _lengths(answers)
    counted = torch.arange(longest, device=where) < torch.from_numpy(lengths).to(where)[:, None]
    sums = of_tokens.where(counted, 0.0).sum(dim=1, dtype=torch.float64)
    return AnswerScores(sums.cpu().numpy(), lengths)


@dataclass(frozen=True)
class _Distinct:
    """Distinct answers, sorted so that neighbours share prefixes; ``order`` maps back to the original answers."""

    answers: list[tuple[int, ...]]
    order: list[int]

    @classmethod
    def of(cls, answers: Answers) -> "_Distinct":
        distinct = sorted({tuple(answer) for answer in answers})
        place = {answer: number for number, answer in enumerate(distinct)}
        return cls(distinct, [place[tuple(answer)] for answer in answers])

    def restore(self, scores: AnswerScores) -> AnswerScores:
        return AnswerScores(scores.sums[self.order], scores.tokens[self.order])


def _score(
    model: HybridLanguageModel,
    prompts: Sequence[PreparedPrompt],
    packed: Sequence[PackedAnswers],
    batch_size: int,
    progress: Progress,
) -> list[AnswerScores]:
    model.eval()
    longest_answer = max(len(answer) for possible in packed for answer in possible.answers)
    longest = max(len(prompt.tokens.token_ids) for prompt in prompts) + longest_answer
    shares = can_share(model.causal_model, longest)
    if not shares:
        _LOGGER.warning(
            "%s with attention %s and up to %d tokens cannot score the answers to a prompt together: the prompt is "
            "processed again for each, which is much slower. Sharing needs attention sdpa or eager, and texts within "
            "the model's attention window.",
            type(model.causal_model).__name__,
            model.causal_model.config._attn_implementation,
            longest,
        )
    score_batch = _score_batch if shares else _score_batch_without_sharing
    scores: dict[int, AnswerScores] = {}
    for chosen in in_batches(prompts, batch_size):
        found = score_batch(model, [prompts[index] for index in chosen], [packed[index] for index in chosen])
        for one in found:
            check_finite(one.sums)
        scores.update(zip(chosen, found, strict=True))
        progress.update(n=len(chosen))
    return [scores[index] for index in range(len(prompts))]


def check_finite(sums: NDArray[np.float64]) -> None:
    """Check the log-probabilities of the answers to a prompt.

    Args:
        sums: log-probabilities, float64 (answers,).

    Raises:
        FloatingPointError: if one is not finite.
    """
    if not np.isfinite(sums).all():
        raise FloatingPointError(
            f"{np.count_nonzero(~np.isfinite(sums))} of {len(sums)} answers to a prompt have a log-probability that "
            "is not finite: set backbone.precision to bfloat16 or float32"
        )


def _score_batch(
    model: HybridLanguageModel, prompts: Sequence[PreparedPrompt], packed: Sequence[PackedAnswers]
) -> list[AnswerScores]:
    batch = prompt_batch(model, prompts)
    with model.gated(batch.gate_inputs, batch.embeddings, batch.attention_mask.bool()):
        found = _log_probabilities(model, read_prompts(model, batch), packed)
    return [
        AnswerScores(answers.sums(nodes), _lengths(answers.answers))
        for answers, nodes in zip(packed, found, strict=True)
    ]


def _score_batch_without_sharing(
    model: HybridLanguageModel, prompts: Sequence[PreparedPrompt], packed: Sequence[PackedAnswers]
) -> list[AnswerScores]:
    return [
        score_without_sharing(model, prompt, possible.answers) for prompt, possible in zip(prompts, packed, strict=True)
    ]


def _log_probabilities(
    model: HybridLanguageModel, prompts: ReadPrompts, packed: Sequence[PackedAnswers]
) -> list[list[float]]:
    """Return the log-probability of every node of every row's trie, given the prompt and the node's ancestors."""
    where = prompts.attention_mask.device
    token_ids = pad_right([row.token_ids for row in packed], 0).to(where)
    among = torch.from_numpy(visible_among(packed)).to(where)
    behind = read_behind(model, prompts, token_ids, among)
    counts = [len(row.tokens) for row in packed]
    found = log_probabilities_of(
        prompts.logits,
        behind.logits,
        rows=torch.arange(len(packed), device=where).repeat_interleave(torch.tensor(counts, device=where)),
        predictors=torch.tensor([state for row in packed for state in row.predictors], device=where),
        tokens=torch.tensor([token for row in packed for token in row.tokens], device=where),
    )
    return [part.tolist() for part in found.split(counts)]


def _lengths(answers: Answers) -> NDArray[np.int64]:
    return np.array([len(answer) for answer in answers])
