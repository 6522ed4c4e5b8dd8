from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ilora.data.sequences import sequence_table
from ilora.generative.beam_search import Beams, IdTrie, ranked_ids, search, search_batch, valid_share
from ilora.generative.examples import IdExamples, collate
from ilora.generative.generator import Generator
from ilora.generative.semantic_ids import SemanticIds
from ilora.progress import Progress

#: The tokens of ids with levels of 4, 6 and 2 codes.
HISTORIES = torch.tensor([[1, 5, 11, 2, 6, 12, 3, 7, 11], [4, 10, 12, 0, 0, 0, 0, 0, 0], [2, 8, 11, 1, 9, 12, 0, 0, 0]])
MASK = (HISTORIES > 0).long()


def exact_scores(model: Generator, tokens: torch.Tensor) -> torch.Tensor:
    """Return the log-likelihood of each id for each history, (histories, ids), computed separately, without a cache."""
    with torch.no_grad():
        scores = []
        for id_tokens in tokens:
            labels = id_tokens.repeat(len(HISTORIES), 1)
            logits = model(HISTORIES, MASK, labels)["logits"]
            scores.append(logits.log_softmax(dim=-1).gather(-1, labels[..., None])[..., 0].sum(dim=1))
        return torch.stack(scores, dim=1)


@pytest.mark.parametrize(
    "options", [{}, {"level_embedding": True, "position_embedding": True}], ids=["TIGER", "CoFiRec"]
)
def test_with_a_beam_for_each_id_the_ranking_is_that_of_the_exact_likelihoods(
    options: dict[str, Any], make_generator: Callable[..., Generator], ids: SemanticIds
) -> None:
    model = make_generator(**options)
    tokens = model.shape.vocabulary.item_tokens(ids)
    trie = IdTrie(tokens)
    different = tokens.unique(dim=0)
    assert len(different) == len(trie.ids) == 21
    exact = exact_scores(model, different)
    for row, beams in enumerate(search_batch(model, HISTORIES, MASK, trie, beams=21)):
        order = exact[row].argsort(descending=True)
        assert ranked_ids(beams, trie) == order.tolist()
        torch.testing.assert_close(torch.tensor(beams.scores), exact[row][order], atol=1e-4, rtol=0)


def test_padding_of_the_batch_changes_no_score(make_generator: Callable[..., Generator], ids: SemanticIds) -> None:
    model = make_generator(level_embedding=True, position_embedding=True)
    trie = IdTrie(model.shape.vocabulary.item_tokens(ids))
    together = search_batch(model, HISTORIES, MASK, trie, beams=5)[1]
    (alone,) = search_batch(model, HISTORIES[1:2, :3], MASK[1:2, :3], trie, beams=5)
    assert together.tokens == alone.tokens
    assert together.scores == pytest.approx(alone.scores, abs=1e-4)


@pytest.mark.parametrize("beams", [2, 8, 40])
def test_the_trie_lets_no_unknown_id_through(
    beams: int, make_generator: Callable[..., Generator], ids: SemanticIds
) -> None:
    model = make_generator(seed=1)
    trie = IdTrie(model.shape.vocabulary.item_tokens(ids))
    for found in search_batch(model, HISTORIES, MASK, trie, beams):
        assert len(found.tokens) == min(beams, len(trie.ids)), "beams that hold nothing are left out"
        assert set(found.tokens) <= set(trie.ids)
        assert len(set(found.tokens)) == len(found.tokens)
        assert found.scores == sorted(found.scores, reverse=True)
        assert valid_share([found], trie) == 1.0


def test_one_beam_is_refused(make_generator: Callable[..., Generator]) -> None:
    with pytest.raises(ValueError, match="found 1 beams, expected at least 2"):
        search_batch(make_generator(), HISTORIES, MASK, None, beams=1)


def test_without_the_trie_most_of_what_an_untrained_generator_writes_is_no_id(
    make_generator: Callable[..., Generator], ids: SemanticIds
) -> None:
    model = make_generator(seed=1)
    trie = IdTrie(model.shape.vocabulary.item_tokens(ids))
    free = search_batch(model, HISTORIES, MASK, None, beams=8)
    assert [len(found.tokens) for found in free] == [8, 8, 8]
    assert valid_share(free, trie) < 0.5
    assert all(len(ranked_ids(found, trie)) == sum(tokens in trie.ids for tokens in found.tokens) for found in free)


def test_the_share_of_valid_beams_counts_beams() -> None:
    trie = IdTrie(torch.tensor([[1, 3], [2, 3]]))
    found = [Beams([(2, 3), (3, 3)], [-1.0, -2.0]), Beams([(1, 3), (1, 1)], [-1.0, -2.0]), Beams([(3, 1)], [-0.5])]
    assert valid_share(found, trie) == pytest.approx(2 / 5)
    assert [ranked_ids(beams, trie) for beams in found] == [[1], [0], []]


def test_the_number_of_an_id_is_that_of_its_group(make_generator: Callable[..., Generator], ids: SemanticIds) -> None:
    tokens = make_generator().shape.vocabulary.item_tokens(ids)
    trie = IdTrie(tokens)
    assert [trie.ids[tuple(of_item)] for of_item in tokens.tolist()] == ids.groups.tolist()


def test_all_examples_are_searched_in_their_order(
    ring: Any, make_generator: Callable[..., Generator], ids: SemanticIds
) -> None:
    model = make_generator()
    vocabulary = model.shape.vocabulary
    tokens = vocabulary.item_tokens(ids)
    sequences = sequence_table(ring.sequences)
    examples = IdExamples(sequences, np.arange(7), tokens, vocabulary, maximum_history=4)
    trie = IdTrie(tokens)
    with Progress(7, "searching", logging.getLogger("test")) as progress:
        found = list(search(model, examples, trie, beams=2, batch_size=3, progress=progress))
        assert progress.step == 7
    last = collate([examples[6]])
    assert len(found) == 7
    assert found[6].tokens == search_batch(model, last["input_ids"], last["attention_mask"], trie, 2)[0].tokens
