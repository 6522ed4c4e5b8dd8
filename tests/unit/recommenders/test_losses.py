"""Binary cross-entropy with one negative, and training that stops on the full ranking."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, ndcg_score

from ilora.recommenders import validation
from ilora.recommenders.losses import BinaryCrossEntropy, draw_negatives, train_by
from ilora.recommenders.models import all_item_scores, build_model, training_loss
from ilora.recommenders.padded_sequences import PaddedSequences, pad_sequences
from ilora.recommenders.settings import Architecture, TrainingSettings
from ilora.recommenders.training_loop import train


@pytest.fixture
def limits(ring: Any) -> dict[str, int]:
    return {"items": ring.item_count, "maximum_history": ring.maximum_history}


def test_it_is_the_log_loss_of_targets_and_negatives() -> None:
    positive, negative = torch.randn(6), torch.randn(6)
    probabilities = torch.cat([positive, negative]).sigmoid().double().numpy()
    expected = 2 * log_loss([1] * 6 + [0] * 6, probabilities)  # a pair counts as one
    assert BinaryCrossEntropy()(positive, negative).item() == pytest.approx(expected, rel=1e-5)


def test_negatives_are_all_items_but_those_of_the_sequence() -> None:
    histories = torch.tensor([[1, 2, 0], [4, 5, 6]]).repeat(500, 1)
    batch = PaddedSequences(histories, torch.tensor([2, 3]).repeat(500), torch.tensor([3, 1]).repeat(500))
    drawn = draw_negatives(batch, tokens=9)
    assert {*drawn[::2].tolist()} == {4, 5, 6, 7, 8}
    assert {*drawn[1::2].tolist()} == {2, 3, 7, 8}
    with pytest.raises(ValueError, match="found 4 items and histories of up to 3, which leave no negative"):
        draw_negatives(batch, tokens=5)


def test_each_model_is_trained_by_its_own_scores(ring: Any, architecture: Architecture, limits: dict[str, int]) -> None:
    model = build_model(architecture, embedding_size=8, **limits).eval()
    batch = pad_sequences(ring.sequences.slice(0, 20), **limits)
    train_by(model, "binary_cross_entropy")
    model.kl_weight = 0.0  # CaseQ's additional term, which does not show in the scores
    torch.manual_seed(3)
    found = training_loss(model, batch).item()
    torch.manual_seed(3)
    negatives = draw_negatives(batch, ring.item_count + 1)
    scores = all_item_scores(model, batch)
    of_both = [scores.gather(1, items[:, None])[:, 0] for items in (batch.targets, negatives)]
    penalty = found - BinaryCrossEntropy()(*of_both).item()
    assert penalty == pytest.approx(
        model.reg_loss_conv_h().item() if hasattr(model, "reg_loss_conv_h") else 0.0, abs=0.1
    )


def test_it_learns_and_the_full_ranking_says_when_to_stop(
    ring: Any, architecture: Architecture, settings: TrainingSettings, limits: dict[str, int]
) -> None:
    changed = settings.model_copy(update={"loss": "binary_cross_entropy", "validated_by": "full_ranking"})
    sets = validation.validation_sets(ring.sequences, ring.candidates, **limits)
    training = pad_sequences(ring.sequences.slice(0, 30 * 9), **limits)
    build = partial(build_model, architecture, embedding_size=8, **limits)
    model, log = train(build, training, sets, changed, seed=1)
    best = validation.ndcg(model, sets)
    assert best == max(log["validation_ndcg@10"].to_pylist()) > 0.4  # by chance, 0.19
    once = settings.model_copy(update={"maximum_epochs": 1})
    assert "validation_ndcg@10" not in train(build, training, sets, once, seed=1)[1].column_names


def test_validation_among_all_items_is_scikit_learns_ndcg(
    ring: Any, architecture: Architecture, limits: dict[str, int]
) -> None:
    model = build_model(architecture, embedding_size=8, **limits).eval()
    sets = validation.validation_sets(ring.sequences, ring.candidates, **limits)
    with torch.no_grad():
        scores = all_item_scores(model, sets.sequences)[:, 1:].numpy()
    relevance = np.zeros(scores.shape)
    relevance[np.arange(len(scores)), sets.sequences.targets.numpy() - 1] = 1.0
    assert validation.ndcg(model, sets) == pytest.approx(ndcg_score(relevance, scores, k=10), abs=1e-6)
