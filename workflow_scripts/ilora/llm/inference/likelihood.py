"""Log-probabilities of whole answers, each prompt read once for all of its answers.

A batch of prompts is read into a cache of keys and values. The answers to one prompt then follow it together, in one
row, as the tree that `ilora.llm.inference.answer_trie` makes of them: a token attends to the prompt and to what stands
before it in its own answer, and its position is the one it would have there. So the cache is never copied for each
answer, what answers share is read once, answers of the same tokens score exactly the same, and a row of the batch stays
one sequence, as an instance-wise adapter needs it. This is the tree attention of speculative decoding (SpecInfer, Miao
et al. 2024, arXiv 2305.09781), used for scoring.
"""

import copy
import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ilora.llm.inference.answer_trie import Answers
from ilora.llm.inference.packed_answers import PackedAnswers, pack_answers, visible_among
from ilora.llm.inference.prompt_batches import PreparedPrompt, PromptBatch, in_batches, prompt_batch
from ilora.llm.model.collation import pad_right
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)
#: Answers of a catalogue that are read in one pass, about 200 tokens of titles.
_ANSWERS_IN_A_PASS = 64


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
    scores = _score(model, prompts, [[pack_answers(one.answers)] for one in apart], batch_size, progress)
    return [one.restore(found) for one, found in zip(apart, scores, strict=True)]


@torch.inference_mode()
def score_catalogue(
    model: HybridLanguageModel,
    prompts: Sequence[PreparedPrompt],
    catalogue: Answers,
    batch_size: int,
    progress: Progress,
) -> list[AnswerScores]:
    """Score every answer of a catalogue for every prompt: a ranking of all items, for small data sets.

    Args:
        model: set to evaluation mode here.
        prompts: at least one.
        catalogue: the possible answers to each of them, as token ids; none of them empty.
        batch_size: prompts that are read together.
        progress: is told of every prompt.

    Returns:
        One for each prompt, in their order; its scores are in the order of the catalogue.

    Raises:
        FloatingPointError: if a score is not finite.
    """
    apart = _Distinct.of(catalogue)
    begins = range(0, len(apart.answers), _ANSWERS_IN_A_PASS)
    passes = [pack_answers(apart.answers[begin : begin + _ANSWERS_IN_A_PASS]) for begin in begins]
    scores = _score(model, prompts, [passes] * len(prompts), batch_size, progress)
    return [apart.restore(found) for found in scores]


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
    log_probabilities = _wide(output.logits[:, :-1]).log_softmax(dim=-1)
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


@dataclass(frozen=True)
class _Prefix:
    """A batch of prompts that has been read: transformers' cache of it, and the logits after each prompt's end."""

    cache: Any
    attention_mask: torch.Tensor
    logits: torch.Tensor


def _score(
    model: HybridLanguageModel,
    prompts: Sequence[PreparedPrompt],
    passes: Sequence[Sequence[PackedAnswers]],
    batch_size: int,
    progress: Progress,
) -> list[AnswerScores]:
    """Score the answers to each prompt; those of one pass follow the prompt together. All have as many passes."""
    model.eval()
    longest_answer = max(len(answer) for possible in passes for packed in possible for answer in packed.answers)
    longest = max(len(prompt.tokens.token_ids) for prompt in prompts) + longest_answer
    score_batch = _score_batch if _can_share(model.causal_model, longest) else _score_batch_without_sharing
    scores: dict[int, AnswerScores] = {}
    for chosen in in_batches(prompts, batch_size):
        found = score_batch(model, [prompts[index] for index in chosen], [passes[index] for index in chosen])
        scores.update(zip(chosen, map(_joined, found), strict=True))
        progress.update(n=len(chosen))
    return [scores[index] for index in range(len(prompts))]


def _score_batch(
    model: HybridLanguageModel, prompts: Sequence[PreparedPrompt], passes: Sequence[Sequence[PackedAnswers]]
) -> list[list[AnswerScores]]:
    batch = prompt_batch(model, prompts)
    found: list[list[AnswerScores]] = [[] for _ in prompts]
    with model.gated(batch.gate_inputs, batch.embeddings, batch.attention_mask.bool()):
        prefix = _read(model, batch)
        for packed in zip(*passes, strict=True):
            for row, (answers, nodes) in enumerate(zip(packed, _log_probabilities(model, prefix, packed), strict=True)):
                found[row].append(AnswerScores(answers.sums(nodes), _lengths(answers.answers)))
    return found


def _score_batch_without_sharing(
    model: HybridLanguageModel, prompts: Sequence[PreparedPrompt], passes: Sequence[Sequence[PackedAnswers]]
) -> list[list[AnswerScores]]:
    return [
        [score_without_sharing(model, prompt, packed.answers) for packed in possible]
        for prompt, possible in zip(prompts, passes, strict=True)
    ]


def _joined(parts: Sequence[AnswerScores]) -> AnswerScores:
    sums, tokens = (
        np.concatenate(arrays) for arrays in zip(*((part.sums, part.tokens) for part in parts), strict=True)
    )
    if not np.isfinite(sums).all():
        raise FloatingPointError(
            f"{np.count_nonzero(~np.isfinite(sums))} of {len(sums)} answers to a prompt have a log-probability that "
            "is not finite: set backbone.precision to bfloat16 or float32"
        )
    return AnswerScores(sums, tokens)


def _can_share(causal_model: Any, longest: int) -> bool:
    """Whether a mask of our own reaches every layer's attention, and no layer forgets the start of ``longest`` tokens.

    A warning is logged if not.
    """
    config = causal_model.config
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    layers = set(getattr(config, "layer_types", None) or [])
    possible = (
        config._attn_implementation in ("sdpa", "eager")
        and {"position_ids", "past_key_values"} <= inspect.signature(causal_model.forward).parameters.keys()
        and layers <= {"full_attention", "sliding_attention", "chunked_attention"}
        and all(window is None or longest <= window for window in windows)
    )
    if not possible:
        _LOGGER.warning(
            "%s with attention %s and up to %d tokens cannot score the answers to a prompt together: the prompt is "
            "read again for each, which is far slower. Attention sdpa or eager, and texts within the model's attention "
            "window, allow it.",
            type(causal_model).__name__,
            config._attn_implementation,
            longest,
        )
    return possible


def _read(model: HybridLanguageModel, batch: PromptBatch) -> _Prefix:
    output = model.causal_model(
        inputs_embeds=batch.embeddings,
        attention_mask=batch.attention_mask,
        position_ids=(batch.attention_mask.cumsum(dim=1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1,
    )
    return _Prefix(output.past_key_values, batch.attention_mask, output.logits[:, -1])


def _log_probabilities(
    model: HybridLanguageModel, prefix: _Prefix, packed: Sequence[PackedAnswers]
) -> list[list[float]]:
    """Give the log-probability of every node of every row's tree, given the prompt and the node's ancestors."""
    where = prefix.attention_mask.device
    token_ids = pad_right([row.token_ids for row in packed], 0).to(where)
    embeddings = model.causal_model.get_input_embeddings()(token_ids)
    among = torch.from_numpy(visible_among(packed)).to(where)
    prompt = prefix.attention_mask.bool()[:, None].expand(-1, token_ids.shape[1], -1)
    visible = torch.cat([prompt, among], dim=2)
    mask = torch.zeros(visible.shape, dtype=embeddings.dtype, device=where)
    mask.masked_fill_(~visible, torch.finfo(embeddings.dtype).min)
    logits = model.causal_model(
        inputs_embeds=embeddings,
        attention_mask=mask[:, None],
        position_ids=visible.sum(dim=2) - 1,
        past_key_values=_branch(prefix.cache),
        use_cache=True,
    ).logits
    return _of_nodes(prefix.logits, logits, packed)


def _of_nodes(
    after_prompts: torch.Tensor, after_nodes: torch.Tensor, packed: Sequence[PackedAnswers]
) -> list[list[float]]:
    """Pick each node's log-probability from the logits of what predicts it.

    Args:
        after_prompts: (rows, vocabulary).
        after_nodes: (rows, nodes read, vocabulary).
        packed: one for each row.
    """
    where = after_nodes.device
    # Row by row: half precision is widened, and the whole batch would not always fit.
    ends, inside = _wide(after_prompts).logsumexp(-1), [_wide(row).logsumexp(-1) for row in after_nodes]
    normalisers = torch.cat([ends[:, None], torch.stack(inside)], dim=1)
    counts = [len(row.tokens) for row in packed]
    rows = torch.arange(len(packed), device=where).repeat_interleave(torch.tensor(counts, device=where))
    predictors = torch.tensor([state for row in packed for state in row.predictors], device=where)
    tokens = torch.tensor([token for row in packed for token in row.tokens], device=where)
    within = after_nodes[rows, (predictors - 1).clamp(min=0), tokens]
    logits = torch.where(predictors == 0, after_prompts[rows, tokens], within)
    log_probabilities = _wide(logits) - normalisers[rows, predictors]
    return [part.tolist() for part in log_probabilities.cpu().split(counts)]


def _branch(cache: Any) -> Any:
    """Give a cache that grows on its own: layers append by making new tensors, so the prompt's stay as they are."""
    branch = copy.copy(cache)
    branch.layers = [copy.copy(layer) for layer in cache.layers]
    return branch


def _lengths(answers: Answers) -> NDArray[np.int64]:
    return np.array([len(answer) for answer in answers])


def _wide(logits: torch.Tensor) -> torch.Tensor:
    """Half precision is too coarse to sum probabilities over a vocabulary in."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
