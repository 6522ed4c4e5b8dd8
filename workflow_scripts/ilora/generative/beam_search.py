"""Beam search over ids, by transformers: held to the ids of items by a trie, or free, to see how many it would miss."""

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

#: transformers gives beams that it could not fill a score of about -1e9, in place of a sum of log-probabilities.
_LOWEST_SCORE = -1e8


@dataclass(frozen=True)
class Beams:
    """What a beam search found for one sequence, best first.

    Attributes:
        tokens: of each beam, levels token ids; no two are the same.
        scores: log-likelihood of each, in nats: the sum of its tokens' over the whole vocabulary.
    """

    tokens: list[tuple[int, ...]]
    scores: list[float]


class IdTrie:
    """Which tokens can follow in the id of an item.

    Args:
        item_tokens: of each item, int64 (items, levels); items may share an id.

    Attributes:
        ids: number of the id, in the order of `ilora.generative.semantic_ids.SemanticIds.groups`, by its tokens.
    """

    def __init__(self, item_tokens: torch.Tensor) -> None:
        different = item_tokens.unique(dim=0)
        self.ids = {tuple(tokens): number for number, tokens in enumerate(different.tolist())}
        self._trie: AnswerTrie = answer_trie(different.tolist())

    def allowed_tokens(self, batch: int, written: torch.Tensor) -> list[int]:
        """Return what can follow, as transformers' ``prefix_allowed_tokens_fn`` asks.

        Args:
            batch: number of the sequence; all have one trie.
            written: int64 (tokens,), the decoder's first token and what stands after it.
        """
        # transformers keeps beams of no likelihood where fewer ids go on than it has beams. They stay so whatever
        # follows, but something must.
        return self._trie.next_tokens(written[1:].tolist()) or [PADDING]


@torch.inference_mode()
def search(
    model: Generator, examples: IdExamples, trie: IdTrie | None, beams: int, batch_size: int, progress: Progress
) -> Iterator[Beams]:
    """Yield the most likely ids of each example, in their order.

    With as many beams as the trie has ids nothing is pruned, and the ranking is that of the exact log-likelihoods.

    Args:
        model: in evaluation mode.
        examples: whose targets are not looked at.
        trie: of the ids that may be written; None to write whatever is most likely.
        beams: how many partial ids are kept at each level.
        batch_size: sequences that are searched together.
        progress: is told of every sequence.
    """
    for begin in range(0, len(examples), batch_size):
        batch = collate([examples[place] for place in range(begin, min(begin + batch_size, len(examples)))])
        yield from search_batch(model, batch["input_ids"], batch["attention_mask"], trie, beams)
        progress.update(n=len(batch["input_ids"]))


@torch.inference_mode()
def search_batch(
    model: Generator, input_ids: torch.Tensor, attention_mask: torch.Tensor, trie: IdTrie | None, beams: int
) -> list[Beams]:
    """Return the most likely ids of each row; the arguments are those of `search` and `Generator.encode`.

    Raises:
        ValueError: there are fewer than two beams, for which transformers searches greedily and gives no score.
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
        length_penalty=0.0,  # a score is a sum, not a mean: all ids are of one length
        early_stopping=False,
        prefix_allowed_tokens_fn=None if trie is None else trie.allowed_tokens,
        return_dict_in_generate=True,
        output_scores=True,
    )
    tokens = found.sequences[:, 1:].reshape(len(input_ids), beams, levels).tolist()
    scores = found.sequences_scores.reshape(len(input_ids), beams).tolist()
    return [_filled(*row) for row in zip(tokens, scores, strict=True)]


def _filled(tokens: Sequence[Sequence[int]], scores: Sequence[float]) -> Beams:
    """Keep the beams that hold an id; transformers gives them in falling order of their scores."""
    kept = [(tuple(beam), score) for beam, score in zip(tokens, scores, strict=True) if score > _LOWEST_SCORE]
    return Beams([beam for beam, _ in kept], [score for _, score in kept])


def valid_share(found: Sequence[Beams], trie: IdTrie) -> float:
    """Return the share of beams that are the id of an item, in 0 to 1, of at least one beam."""
    valid = [tokens in trie.ids for beams in found for tokens in beams.tokens]
    return sum(valid) / len(valid)


def ranked_ids(beams: Beams, trie: IdTrie) -> list[int]:
    """Return the numbers of the ids that were found, best first; beams that are no id are passed over."""
    return [trie.ids[tokens] for tokens in beams.tokens if tokens in trie.ids]
