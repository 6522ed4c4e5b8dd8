from typing import Any

import numpy as np
import pytest

from ilora.predictions.building import scored_predictions
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS
from ilora.predictions.scores import candidate_matrix, choose, score_candidates


def test_every_candidate_set_gets_its_own_sequence_and_the_best_candidate(ring: Any) -> None:
    scores = np.random.default_rng(0).normal(size=(40, 10))
    predictions = scored_predictions(ring.sequences, ring.candidates, scores, "sasrec")

    check_predictions(predictions, "the ring")
    assert predictions.schema.equals(PREDICTIONS)
    assert predictions["split"].to_pylist() == ["val"] * 20 + ["test"] * 20
    for row, prediction in enumerate(predictions.to_pylist()):
        sequence = ring.sequences.slice(prediction["sequence_id"], 1).to_pylist()[0]
        shared = ("sequence_id", "split", "user_id", "history", "target")
        assert [prediction[name] for name in shared] == [sequence[name] for name in shared]
        assert prediction["choice"] == prediction["candidates"][int(scores[row].argmax())]
        assert prediction["scores"] == scores[row].tolist()
        assert prediction["candidates_hash"] == f"{prediction['sequence_id']}/{prediction['draw']}"
        assert prediction["text"] is None


def test_of_equal_scores_the_first_is_chosen() -> None:
    candidates = np.array([[7, 3, 5], [4, 2, 9]], dtype=np.int32)
    assert choose(np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]]), candidates).tolist() == [3, 4]


def test_a_score_is_an_inner_product() -> None:
    representations = np.array([[1.0, 2.0], [0.0, -1.0]], dtype=np.float32)
    embeddings = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]], dtype=np.float32)
    scores = score_candidates(representations, embeddings, np.array([[2, 0], [1, 2]], dtype=np.int32))
    assert scores.dtype == np.float64
    assert scores.tolist() == [[9.0, 1.0], [-1.0, -3.0]]


def test_scores_that_are_no_numbers_are_refused(ring: Any) -> None:
    scores = np.zeros((40, 10))
    scores[3, 4] = np.nan
    with pytest.raises(ValueError, match="caser: 1 scores are not finite"):
        scored_predictions(ring.sequences, ring.candidates, scores, "caser")


def test_candidate_sets_of_other_sequences_are_refused(ring: Any) -> None:
    with pytest.raises(ValueError, match="not of these 100 sequences"):
        scored_predictions(ring.sequences.slice(0, 100), ring.candidates, np.zeros((40, 10)), "caser")


def test_candidate_sets_of_different_sizes_are_refused(ring: Any) -> None:
    rows = ring.candidates.to_pylist()
    rows[0]["candidates"] = rows[0]["candidates"][:-1]
    with pytest.raises(ValueError, match=r"candidate sets of \[9, 10\] items"):
        candidate_matrix(ring.candidates.from_pylist(rows, schema=ring.candidates.schema))
