from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import rankdata

from ilora.baselines.scorers import SCORERS
from ilora.full_ranking.baselines import BASELINES
from ilora.full_ranking.comparability import UnlikeRanksError, check_same_targets
from ilora.full_ranking.lists import scores_of_lists
from ilora.full_ranking.ranks import AllScores, ScoreAll, rank_targets
from ilora.full_ranking.schema import RANKS
from ilora.full_ranking.seen_items import SeenItems
from ilora.full_ranking.vectors import score_by_vectors

ITEMS = 6


def _constant(scores: list[float]) -> ScoreAll:
    return lambda block: np.tile(np.array(scores), (block.num_rows, 1))


def _of(ranks: pa.Table, split: str) -> list[dict[str, object]]:
    return [row for row in ranks.to_pylist() if row["split"] == split]


def test_leave_one_out_asks_for_the_last_item_and_the_one_before_it(sequences: pa.Table) -> None:
    ranks = rank_targets(sequences, _constant([0.0] * ITEMS), items=ITEMS, method="m")
    assert ranks.schema.equals(RANKS)
    assert [row["target"] for row in _of(ranks, "test")] == [3, 4, 3, 3]
    assert [row["target"] for row in _of(ranks, "val")] == [2, 5, 0, 5]
    tests = sequences.filter(pa.compute.equal(sequences["split"], "test"))
    assert tests["history"].to_pylist() == [[1, 2], [0, 5], [4, 0], [2, 5]]  # the validation item is known by then


def test_a_rank_is_the_mean_of_the_places_that_are_shared(sequences: pa.Table) -> None:
    ranks = rank_targets(sequences, _constant([5.0, 1.0, 3.0, 3.0, 3.0, 0.0]), items=ITEMS, method="m")
    for row in _of(ranks, "test"):  # items 3 and 4 share the places 2 to 4 with item 2
        assert (row["rank"], row["tied"], row["ranked_items"]) == (3.0, 3, ITEMS)
    assert [(row["rank"], row["tied"]) for row in _of(ranks, "val")] == [(3.0, 3), (6.0, 1), (1.0, 1), (6.0, 1)]


def test_ranks_are_scipys_whatever_the_size_of_a_block(sequences: pa.Table) -> None:
    scores = np.random.default_rng(0).integers(0, 4, (sequences.num_rows, ITEMS)).astype(float)

    def score(block: pa.Table) -> AllScores:
        return scores[block["sequence_id"].to_numpy()]

    whole = rank_targets(sequences, score, items=ITEMS, method="m")
    for row in whole.to_pylist():
        expected = rankdata(-scores[row["sequence_id"]], method="average")[row["target"]]
        assert row["rank"] == expected
    assert rank_targets(sequences, score, items=ITEMS, method="m", cells=1).equals(whole)
    assert rank_targets(sequences, score, items=ITEMS, method="m", cells=3 * ITEMS).equals(whole)


def test_items_that_were_had_are_left_out_however_short_the_history_is(
    sequences: pa.Table, interactions: pa.Table
) -> None:
    score, seen = _constant([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), SeenItems.of(interactions)
    ranks = rank_targets(sequences, score, items=ITEMS, method="m", seen=seen)
    # The second user had items 2, 1, 0 and 5, of which the history keeps two: item 4 ranks only behind item 3.
    assert [(row["rank"], row["ranked_items"]) for row in _of(ranks, "test")] == [(1, 3), (2, 2), (3, 4), (2, 3)]
    assert [(row["rank"], row["ranked_items"]) for row in _of(ranks, "val")] == [(1, 4), (3, 3), (1, 5), (4, 4)]


def test_interactions_of_other_sequences_are_refused(sequences: pa.Table, interactions: pa.Table) -> None:
    seen = SeenItems.of(interactions.slice(0, 9))
    with pytest.raises(ValueError, match="do not have item 0 at position 1 of user 2"):
        rank_targets(sequences, _constant([0.0] * ITEMS), items=ITEMS, method="m", seen=seen)


@pytest.mark.parametrize(
    ("scores", "message"),
    [([0.0] * 5, r"shape \(8, 5\), expected \(8, 6\)"), ([np.nan] * 6, "48 scores are not finite")],
)
def test_scores_that_rank_nothing_are_refused(sequences: pa.Table, scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rank_targets(sequences, _constant(scores), items=ITEMS, method="m")


def test_a_list_ranks_what_it_holds_and_leaves_the_rest_tied(sequences: pa.Table) -> None:
    def score(block: pa.Table) -> AllScores:
        return scores_of_lists([[4, 3]] * block.num_rows, np.arange(ITEMS))

    ranks = rank_targets(sequences, score, items=ITEMS, method="m")
    assert [(row["rank"], row["tied"]) for row in _of(ranks, "test")] == [(2, 1), (1, 1), (2, 1), (2, 1)]
    assert [(row["rank"], row["tied"]) for row in _of(ranks, "val")] == [(4.5, 4)] * 4  # places 3 to 6


def test_items_of_one_id_share_its_places(sequences: pa.Table, interactions: pa.Table) -> None:
    ids = np.array([0, 1, 1, 2, 2, 2])  # the method does not distinguish items 3, 4 and 5

    def score(block: pa.Table) -> AllScores:
        return scores_of_lists([[1, 2]] * block.num_rows, ids)

    ranks = rank_targets(sequences, score, items=ITEMS, method="m", ids=ids)
    for row in _of(ranks, "test"):  # behind items 1 and 2: places 3, 4 and 5
        assert (row["rank"], row["tied"]) == (4.0, 3)
        assert (row["id_rank"], row["id_tied"]) == (2.0, 1)
    left_out = rank_targets(sequences, score, items=ITEMS, method="m", ids=ids, seen=SeenItems.of(interactions))
    # The first user had items 0, 1 and 2, so that id 1 has no items left and id 2 is the first.
    first = _of(left_out, "test")[0]
    assert (first["rank"], first["tied"], first["id_rank"]) == (2.0, 3, 1.0)


@pytest.mark.parametrize(("listed", "message"), [([1, 1], "has 1 duplicates"), ([7], "id 7, which belongs to no item")])
def test_lists_of_other_ids_are_refused(listed: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scores_of_lists([[0], listed], np.arange(ITEMS))


def test_items_of_one_embedding_are_tied() -> None:
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(50, 16)).astype(np.float32)
    embeddings[40:] = embeddings[7]
    representations = generator.normal(size=(9, 16)).astype(np.float32)
    block = pa.table({"sequence_id": pa.array(range(9), pa.int32())})
    scores = score_by_vectors(representations, embeddings)(block)
    assert (scores[:, 40:] == scores[:, [7]]).all()
    np.testing.assert_allclose(scores, representations @ embeddings.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("baseline", ["popularity", "markov"])
def test_a_baseline_scores_all_items_as_it_scores_candidates(ring: Any, baseline: str) -> None:
    of_candidates = SCORERS[baseline](ring.sequences, ring.candidates, ring.item_count)
    asked = ring.sequences.take(ring.candidates["sequence_id"])
    scores = np.asarray(BASELINES[baseline](ring.sequences, ring.item_count)(asked))
    chosen = np.stack(ring.candidates["candidates"].to_numpy())
    np.testing.assert_array_equal(np.take_along_axis(scores, chosen, axis=1), of_candidates)


def test_ranks_of_other_targets_or_over_other_items_are_not_compared(
    sequences: pa.Table, interactions: pa.Table
) -> None:
    score = _constant([0.0] * ITEMS)
    ranks = rank_targets(sequences, score, items=ITEMS, method="m")
    check_same_targets({"a": ranks, "b": ranks}, sequences)
    with pytest.raises(UnlikeRanksError, match=r"b: does not rank the target .* \(7 rows, expected 8\)"):
        check_same_targets({"a": ranks, "b": ranks.slice(1)}, sequences)
    left_out = rank_targets(sequences, score, items=ITEMS, method="m", seen=SeenItems.of(interactions))
    with pytest.raises(UnlikeRanksError, match="b: ranks other items than a"):
        check_same_targets({"a": ranks, "b": left_out}, sequences)
