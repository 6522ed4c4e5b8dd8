import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import CANDIDATES, SEQUENCES
from ilora.baselines.markov import score_by_markov
from ilora.baselines.popularity import score_by_popularity

ITEMS = 6

# Training trajectories: 0 1 2 3, 4 1 2, 5 1 3. Item 1 is followed by 2, 2 and 3.
SEQUENCES_OF_THREE_USERS = pa.Table.from_pylist(
    [
        {"sequence_id": 0, "split": "train", "user_id": 0, "history": [0, 1], "target": 2},
        {"sequence_id": 1, "split": "train", "user_id": 0, "history": [0, 1, 2], "target": 3},
        {"sequence_id": 2, "split": "train", "user_id": 1, "history": [4, 1], "target": 2},
        {"sequence_id": 3, "split": "train", "user_id": 2, "history": [5, 1], "target": 3},
        {"sequence_id": 4, "split": "val", "user_id": 3, "history": [4, 1], "target": 2},
        {"sequence_id": 5, "split": "test", "user_id": 4, "history": [1, 3], "target": 0},
    ],
    schema=SEQUENCES,
)
CANDIDATE_SETS = pa.Table.from_pylist(
    [
        {"sequence_id": 4, "draw": 0, "candidates": [0, 3, 2], "hash": "a"},
        {"sequence_id": 5, "draw": 0, "candidates": [4, 0, 2], "hash": "b"},
    ],
    schema=CANDIDATES,
)


def test_popularity_counts_training_interactions_and_no_others() -> None:
    scores = score_by_popularity(SEQUENCES_OF_THREE_USERS, CANDIDATE_SETS, ITEMS)
    assert scores.tolist() == [[1.0, 2.0, 2.0], [1.0, 1.0, 2.0]]


def test_markov_is_the_smoothed_transition_probability() -> None:
    scores = score_by_markov(SEQUENCES_OF_THREE_USERS, CANDIDATE_SETS, ITEMS, prior_transitions=8.0)
    # Of ten interactions, p(j) = (n(j) + 1) / 16; mu = 8. Three transitions leave item 1, none leaves item 3.
    assert scores[0] == pytest.approx(np.array([0 + 8 * 2 / 16, 1 + 8 * 3 / 16, 2 + 8 * 3 / 16]) / (3 + 8))
    assert scores[1] == pytest.approx(np.array([8 * 2 / 16, 8 * 2 / 16, 8 * 3 / 16]) / 8)


def test_markov_is_a_distribution_over_all_items() -> None:
    everything = pa.Table.from_pylist(
        [{"sequence_id": 4, "draw": 0, "candidates": list(range(ITEMS)), "hash": "a"}], schema=CANDIDATES
    )
    assert score_by_markov(SEQUENCES_OF_THREE_USERS, everything, ITEMS).sum() == pytest.approx(1.0)


def test_a_last_item_that_nobody_moved_on_from_falls_back_to_popularity() -> None:
    scores = score_by_markov(SEQUENCES_OF_THREE_USERS, CANDIDATE_SETS, ITEMS)[1]
    popularity = score_by_popularity(SEQUENCES_OF_THREE_USERS, CANDIDATE_SETS, ITEMS)[1]
    assert np.argsort(scores, kind="stable").tolist() == np.argsort(popularity, kind="stable").tolist()
