"""Beam search over ids with transformers, constrained to item ids by a trie, or free, to measure the invalid share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutput

from ilora.generative.examples import IdExamples, collate
from ilora.generative.generator import Generator
from ilora.generative.vocabulary import PADDING
from ilora.llm.inference.answer_trie import AnswerTrie, answer_trie
from ilora.progress import Progress

#: transformers assigns unfilled beams a score of about -1e9 instead of a sum of log-probabilities.
_LOWEST_SCORE = -1e8


@dataclass(frozen=True)
class Beams:
    """The beams found for one sequence, best first.

    Attributes:
        tokens: token ids of each beam, one per level; all beams differ.
        scores: log-likelihood of each beam, in nats, normalised over the whole vocabulary.
    """

    tokens: list[tuple[int, ...]]
    scores: list[float]


class IdTrie:
    """A trie over the ids of items, which determines the tokens that can follow.

    Args:
        item_tokens: tokens of each item, int64 (items, levels); items may share an id.

    Attributes:
        ids: number of each id by its tokens, in the order of `ilora.generative.semantic_ids.SemanticIds.groups`.
    """

    def __init__(self, item_tokens: torch.Tensor) -> None:
        different = item_tokens.unique(dim=0)
        self.ids = {tuple(tokens): number for number, tokens in enumerate(different.tolist())}
        self._trie: AnswerTrie = answer_trie(different.tolist())

    def allowed_tokens(self, batch: int, written: torch.Tensor) -> list[int]:
        """Return the tokens that can follow; a ``prefix_allowed_tokens_fn`` of transformers.

        Args:
            batch: number of the sequence; all sequences share the trie.
            written: the decoder's start token and the tokens generated so far, int64 (tokens,).
        """
        # If fewer ids continue than there are beams, transformers fills up with beams of zero likelihood. Their next
        # token does not matter, but there must be one.
        return self._trie.next_tokens(written[1:].tolist()) or [PADDING]


@torch.inference_mode()
def search(
    model: Generator, examples: IdExamples, trie: IdTrie | None, beams: int, batch_size: int, progress: Progress
) -> Iterator[Beams]:
    """Yield the most likely ids of each example, in the order of the examples.

    If there are as many beams as ids in the trie, nothing is pruned, and the ranking is exact.

    Args:
        model: generator in evaluation mode.
        examples: examples; their targets are not used.
        trie: trie of the allowed ids; None for an unconstrained search.
        beams: number of partial ids kept at each level.
        batch_size: number of sequences per batch.
        progress: updated after every batch of sequences.
    """
    for begin in range(0, len(examples), batch_size):
        batch = collate([examples[place] for place in range(begin, min(begin + batch_size, len(examples)))])
        yield from search_batch(model, batch["input_ids"], batch["attention_mask"], trie, beams)
        progress.update(n=len(batch["input_ids"]))


@torch.inference_mode()
def search_batch(
    model: Generator, input_ids: torch.Tensor, attention_mask: torch.Tensor, trie: IdTrie | None, beams: int
) -> list[Beams]:
    """Return the most likely ids of each row; see `search` and `Generator.encode` for the arguments.

    Raises:
        ValueError: there are fewer than two beams; transformers would then decode greedily without scores.
    """
    if beams < 2:
        raise ValueError(f"beam search: found {beams} beams, expected at least 2")
    levels = len(model.shape.vocabulary.sizes)
    t5: Any = model.t5
    encoded = model.encode(input_ids.to(t5.device), attention_mask.to(t5.device))
    found = t5.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
        attention_mask=attention_mask.to(t5.device),
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        max_new_tokens=levels,
        min_new_tokens=levels,
        length_penalty=0.0,  # a score is a sum, not a mean: all ids have the same length
        early_stopping=False,
        prefix_allowed_tokens_fn=None if trie is None else trie.allowed_tokens,
        return_dict_in_generate=True,
        output_scores=True,
    )
    tokens = found.sequences[:, 1:].reshape(len(input_ids), beams, levels).tolist()
    scores = found.sequences_scores.reshape(len(input_ids), beams).tolist()
    return [_filled(*row) for row in zip(tokens, scores, strict=True)]


def _filled(tokens: Sequence[Sequence[int]], scores: Sequence[float]) -> Beams:
    """Drop unfilled beams; transformers returns beams in descending order of their scores."""
    kept = [(tuple(beam), score) for beam, score in zip(tokens, scores, strict=True) if score > _LOWEST_SCORE]
    return Beams([beam for beam, _ in kept], [score for _, score in kept])


def valid_share(found: Sequence[Beams], trie: IdTrie) -> float:
    """Return the fraction of beams that are the id of an item, from 0 to 1; there must be at least one beam."""
    valid = [tokens in trie.ids for beams in found for tokens in beams.tokens]
    return sum(valid) / len(valid)


def ranked_ids(beams: Beams, trie: IdTrie) -> list[int]:
    """Return the numbers of the ids that were found, best first, skipping beams that are not the id of an item."""
    return [trie.ids[tokens] for tokens in beams.tokens if tokens in trie.ids]
