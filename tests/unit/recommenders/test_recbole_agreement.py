"""Our faster Caser against RecBole's: the same weights, losses, gradients and random draws."""

from typing import Any

import pytest
import torch

from ilora.recommenders.models import build_model, represent, training_loss
from ilora.recommenders.padded_sequences import PaddedSequences, pad_sequences
from ilora.recommenders.recbole_models import Caser
from ilora.recommenders.settings import Architecture

pytestmark = pytest.mark.parametrize("recommender", ["caser"], indirect=True)


def _with_recboles_forward(model: Any) -> Any:
    """Change the model's class to RecBole's, keeping its weights."""
    model.__class__ = Caser
    return model


def _model(architecture: Architecture, ring: Any) -> Any:
    torch.manual_seed(0)
    model = build_model(architecture, embedding_size=8, items=ring.item_count, maximum_history=ring.maximum_history)
    with torch.no_grad():
        # RecBole's initial weights are small and its biases zero, which would hide an error.
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model


def _batch(ring: Any) -> PaddedSequences:
    batch = pad_sequences(ring.sequences, ring.item_count, ring.maximum_history)
    assert set(batch.lengths.tolist()) == set(range(3, ring.maximum_history + 1))
    return batch


def _step(model: Any, batch: PaddedSequences) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    """Return the loss with dropout, its gradients, and the random generator's next number."""
    torch.manual_seed(1)
    model.train()
    loss = training_loss(model, batch)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return loss.detach(), gradients, torch.rand(1)


def test_a_training_step_is_recboles(architecture: Architecture, ring: Any) -> None:
    batch = _batch(ring)
    ours = _step(_model(architecture, ring), batch)
    recboles = _step(_with_recboles_forward(_model(architecture, ring)), batch)

    torch.testing.assert_close(ours, recboles, rtol=1e-4, atol=1e-6)
    assert torch.equal(ours[2], recboles[2])


def test_representations_are_recboles(architecture: Architecture, ring: Any) -> None:
    batch = _batch(ring)
    with torch.no_grad():
        ours = represent(_model(architecture, ring).eval(), batch)
        model = _with_recboles_forward(_model(architecture, ring)).eval()
        recboles = model(torch.zeros_like(batch.lengths), batch.histories)

    torch.testing.assert_close(ours, recboles, rtol=1e-4, atol=1e-6)


def test_a_saved_model_holds_the_weights_alone(architecture: Architecture, ring: Any) -> None:
    model = _model(architecture, ring)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}
