from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ilora.data.sequences import sequence_table
from ilora.full_ranking.schema import RANKS
from ilora.generative.answering import predict_candidates, rank_all_items
from ilora.generative.generator import Generator
from ilora.generative.schemas import BEAM_STATISTICS
from ilora.generative.semantic_ids import SemanticIds
from ilora.predictions.scores import candidate_matrix, score_matrix
from ilora.progress import Progress

LOGGER = logging.getLogger("test")


def test_items_of_one_id_share_its_places_and_by_id_they_do_not(
    ring: Any, make_generator: Callable[..., Generator], ids: SemanticIds
) -> None:
    model = make_generator(beams=21)
    sequences = sequence_table(ring.sequences)
    ranking = rank_all_items(model, ids, sequences, ring.sequences, "tiger", None, LOGGER)
    ranks = ranking.ranks
    assert ranks.schema == RANKS and ranks.num_rows == 20
    sizes = ids.group_sizes[ranks["target"].to_numpy()]
    assert ranks["tied"].to_numpy().tolist() == sizes.tolist(), "with a beam for each id nothing else is tied"
    assert set(sizes) > {1}
    assert ranks["id_tied"].to_pylist() == [1] * 20
    assert ranks["id_rank"].to_numpy().max() <= 21 and ranks["rank"].to_numpy().max() <= 24
    assert (ranks["rank"].to_numpy() >= ranks["id_rank"].to_numpy()).all()

    (row,) = ranking.statistics.to_pylist()
    assert ranking.statistics.schema == BEAM_STATISTICS
    assert (row["split"], row["beams"]) == ("val", 21) and 0 <= row["valid_share"] < 1


def test_candidates_are_chosen_by_the_likelihoods_that_rank_all_items(
    ring: Any, make_generator: Callable[..., Generator], ids: SemanticIds
) -> None:
    model = make_generator(beams=21)
    sequences = sequence_table(ring.sequences)
    with Progress(ring.candidates.num_rows, "scoring", LOGGER) as progress:
        predictions = predict_candidates(model, ids, sequences, ring.sequences, ring.candidates, "tiger", progress)
        assert progress.step == ring.candidates.num_rows
    ranks = rank_all_items(model, ids, sequences, ring.sequences, "tiger", None, LOGGER).ranks
    place = dict(zip(ranks["sequence_id"].to_pylist(), ranks["id_rank"].to_pylist(), strict=True))
    scores, candidates = score_matrix(predictions), candidate_matrix(ring.candidates)
    assert scores is not None
    for row, sequence_id in enumerate(ring.candidates["sequence_id"].to_pylist()):
        target = int(sequences.targets[sequence_id])
        of_target = scores[row][candidates[row] == target][0]
        # Items with the same id have equal scores, and candidates are a subset of the catalogue.
        better = {int(ids.groups[item]) for item in candidates[row][scores[row] > of_target + 1e-6]}
        assert len(better) < place[sequence_id]
        assert scores[row].max() < 0
    of_same_id = np.isin(candidates, [5, 6, 7])
    for several in np.flatnonzero(of_same_id.sum(axis=1) > 1):
        assert np.ptp(scores[several][of_same_id[several]]) == pytest.approx(0, abs=1e-5)
