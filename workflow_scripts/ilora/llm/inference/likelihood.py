"""Log-probabilities of whole answers, each prompt read once for all of its answers.

The answers to one prompt follow it together, in one row, as the tree that `ilora.llm.inference.answer_trie` makes of
them (`ilora.llm.inference.shared_prompts` has how). What answers share is read once, and answers of the same tokens
score exactly the same.
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
        sums: over the tokens of each answer, its end included, float64 (answers,): the log-probability that the
            model writes this answer and nothing else, and what a greedy or an exhaustive search looks for.
        tokens: of each answer, int64 (answers,).
    """

    sums: NDArray[np.float64]
    tokens: NDArray[np.int64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Length-normalised: the mean over an answer's tokens, float64 (answers,).

        Once its first words are written, the rest of a title that stands in the prompt is all but certain, so a mean
        favours long titles.
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
    """Score the answers to every prompt, each prompt having its own.

    Args:
        model: set to evaluation mode here.
        prompts: at least one.
        answers: for each prompt its possible answers, as token ids; none of them empty.
        batch_size: prompts that are read together.
        progress: is told of every prompt.

    Returns:
        One for each prompt, in their order.

    Raises:
        FloatingPointError: if a score is not finite.
    """
    apart = [_Distinct.of(possible) for possible in answers]
    scores = _score(model, prompts, [pack_answers(one.answers) for one in apart], batch_size, progress)
    return [one.restore(found) for one, found in zip(apart, scores, strict=True)]


@torch.inference_mode()
def score_without_sharing(model: HybridLanguageModel, prompt: PreparedPrompt, answers: Answers) -> AnswerScores:
    """Score the answers to one prompt by reading the prompt anew for each of them.

    The same numbers by the plainest way, which every causal model allows: all texts are one batch, padded on the right.
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
    """Answers without those of the same tokens, sorted, so that neighbours begin alike; ``order`` leads back."""

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
            "read again for each, which is far slower. Attention sdpa or eager, and texts within the model's attention "
            "window, allow it.",
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
        sums: float64 (answers,).

    Raises:
        FloatingPointError: one is not finite.
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
    """Give the log-probability of every node of every row's tree, given the prompt and the node's ancestors."""
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
