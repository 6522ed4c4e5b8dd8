from typing import Any

import numpy as np
import torch

from ilora.predictions.scores import candidate_matrix, score_candidates
from ilora.recommenders.models import all_item_scores, build_model, item_embeddings, sequence_representations
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.settings import Architecture


def _model(architecture: Architecture, ring: Any) -> Any:
    torch.manual_seed(5)
    model = build_model(architecture, embedding_size=8, items=ring.item_count, maximum_history=5)
    with torch.no_grad():  # scores as large as those of a trained model, so that the tolerance is meaningful
        model.item_embedding.weight.normal_()
    return model.eval()


def test_candidate_scores_from_exported_vectors_are_recboles_own(architecture: Architecture, ring: Any) -> None:
    model = _model(architecture, ring)
    padded = pad_sequences(ring.sequences, ring.item_count, 5)
    candidates = candidate_matrix(ring.candidates)
    rows = ring.candidates["sequence_id"].to_numpy()

    ours = score_candidates(sequence_representations(model, padded)[rows], item_embeddings(model), candidates)

    with torch.no_grad():
        of_all_tokens = all_item_scores(model, padded).numpy()
    recboles = np.take_along_axis(of_all_tokens[rows], candidates.astype(np.int64) + 1, axis=1)
    assert np.abs(recboles).max() > 0.1
    assert np.abs(ours - recboles).max() < 1e-5


def test_the_row_of_an_embedding_is_our_item_id(architecture: Architecture, ring: Any) -> None:
    model = _model(architecture, ring)
    with torch.no_grad():
        model.item_embedding.weight[:, 0] = torch.arange(ring.item_count + 1)
    exported = item_embeddings(model)
    assert exported.shape == (ring.item_count, 8)
    assert exported.dtype == np.float32
    assert exported[:, 0].tolist() == [item + 1 for item in range(ring.item_count)]


def test_batches_and_dropout_leave_no_trace(architecture: Architecture, ring: Any) -> None:
    model = _model(architecture, ring)
    padded = pad_sequences(ring.sequences, ring.item_count, 5)
    many = padded.rows(torch.arange(len(padded)).repeat(6))  # more than one batch

    model.train()
    representations = sequence_representations(model, many)

    assert representations.shape == (6 * len(padded), 8)
    once = sequence_representations(model, padded)
    np.testing.assert_allclose(representations, np.tile(once, (6, 1)), atol=1e-6)
