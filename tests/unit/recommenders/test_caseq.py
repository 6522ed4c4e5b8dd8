"""CaseQ against SASRec and GRU4Rec, and against its objective written out over all contexts."""

import itertools
import math
from typing import Any

import pytest
import torch

from ilora.configuration.sections.recommender_values import CaseQSection, GRU4RecSection, SASRecSection
from ilora.recommenders.contexts import divergence, log_mean, log_posterior
from ilora.recommenders.models import all_item_scores, build_model, represent, training_loss
from ilora.recommenders.padded_sequences import PaddedSequences, pad_sequences
from ilora.recommenders.settings import Architecture

WIDTH = 8


def _model(architecture: Architecture, ring: Any) -> Any:
    """Return a float64 model with weights large enough to reveal errors."""
    torch.manual_seed(0)
    model = build_model(architecture, embedding_size=WIDTH, items=ring.item_count, maximum_history=ring.maximum_history)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model.double()


def _batch(ring: Any) -> PaddedSequences:
    batch = pad_sequences(ring.sequences, ring.item_count, ring.maximum_history).rows(slice(0, 12))
    assert len({*batch.lengths.tolist()}) > 1
    return batch


def _as_caseqs(sasrec: dict[str, torch.Tensor], layer: int, name: str) -> dict[str, torch.Tensor]:
    """Return the weights of a layer of RecBole's SASRec, with the names and shapes of CaseQ's `name`."""
    own = {
        key.removeprefix(start): value
        for key, value in sasrec.items()
        if key.startswith(start := f"trm_encoder.layer.{layer}.")
    }
    attention, inner = "multi_head_attention", "feed_forward"
    found = {}
    for kind in ("weight", "bias"):
        found[f"query.{kind}"] = own[f"{attention}.query.{kind}"]
        found[f"key_value.{kind}"] = torch.cat([own[f"{attention}.{part}.{kind}"] for part in ("key", "value")])
        for ours, theirs in {
            "attention_output": f"{attention}.dense",
            "attention_norm": f"{attention}.LayerNorm",
            "feed_forward_input": f"{inner}.dense_1",
            "feed_forward_output": f"{inner}.dense_2",
            "feed_forward_norm": f"{inner}.LayerNorm",
        }.items():
            value = own[f"{theirs}.{kind}"]
            found[f"{ours}.{kind}"] = value.T[None] if value.dim() == 2 else value[None, None]
    return {f"{name}.units.{key}": value for key, value in found.items()}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_with_one_unit_in_each_layer_it_is_sasrec(layers: int, activation: Any, ring: Any) -> None:
    shared = {"layers": layers, "activation": activation, "feed_forward_size": 16, "dropout": 0.0}
    sasrec = _model(SASRecSection(**shared), ring)
    caseq = _model(CaseQSection(units=1, kl_weight=0.0, **shared), ring)
    weights = sasrec.state_dict()
    names = [*(f"inner_layers.{layer}" for layer in range(layers - 1)), "last_layer"]
    of_layers = [_as_caseqs(weights, layer, name) for layer, name in enumerate(names)]
    ends = {
        "item_embedding.weight": "item_embedding.weight",
        "input.position_embedding.weight": "position_embedding.weight",
        "input.norm.weight": "LayerNorm.weight",
        "input.norm.bias": "LayerNorm.bias",
    }
    merged = {name: value for of_layer in of_layers for name, value in of_layer.items()}
    merged |= {ours: weights[theirs] for ours, theirs in ends.items()}
    missing = caseq.load_state_dict(merged, strict=False)
    assert not missing.unexpected_keys
    assert all(".gate." in name for name in missing.missing_keys)

    batch = _batch(ring)
    torch.testing.assert_close(all_item_scores(caseq, batch), all_item_scores(sasrec, batch))
    losses = [training_loss(model, batch) for model in (caseq, sasrec)]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(caseq.item_embedding.weight.grad, sasrec.item_embedding.weight.grad)


def test_with_one_recurrent_unit_it_is_gru4rec(ring: Any) -> None:
    gru4rec = _model(GRU4RecSection(hidden_size=WIDTH, dropout=0.0), ring)
    caseq = _model(CaseQSection(unit="gru", units=1, layers=1, dropout=0.0), ring)
    weights = gru4rec.state_dict()
    ends = {
        "item_embedding.weight": "item_embedding.weight",
        "output.weight": "dense.weight",
        "output.bias": "dense.bias",
    }
    merged = {ours: weights[theirs] for ours, theirs in ends.items()}
    merged |= {
        f"last_layer.units.recurrent.0.{name}": weights[f"gru_layers.{name}"]
        for name in ("weight_ih_l0", "weight_hh_l0")
    }
    assert all(".gate." in name for name in caseq.load_state_dict(merged, strict=False).missing_keys)
    batch = _batch(ring)
    torch.testing.assert_close(represent(caseq, batch), represent(gru4rec, batch))
    # A single context is certain, so its posterior equals its prior.
    torch.testing.assert_close(training_loss(caseq, batch), training_loss(gru4rec, batch))


def _weights(gate: Any, states: torch.Tensor) -> torch.Tensor:
    """Return softmax over k of tanh(x W_k) . w_k, written out."""
    matrices = gate.projection.weight.chunk(len(gate.direction))
    logits = [
        torch.tanh(states @ matrix.T) @ direction for matrix, direction in zip(matrices, gate.direction, strict=True)
    ]
    return torch.stack(logits, dim=-1).softmax(dim=-1)


def _with_a_state_for_each_context(model: Any, histories: torch.Tensor, lengths: torch.Tensor) -> Any:
    """Return z and q(c | x) as in the authors' code, in which each layer's states have an axis of K contexts.

    State j of the next layer is the sum over k of weight[j, k] times unit k's output of state k; the weights of the
    last layer are averaged over j.
    """
    rows, ends = torch.arange(len(histories)), lengths - 1
    layers = [*model.inner_layers, model.last_layer]
    units = len(model.last_layer.gate.direction)
    states = [model.input(model.item_embedding(histories))] * units
    of_layers = []
    for layer in layers:
        weights = torch.stack([_weights(layer.gate, state) for state in states])
        if layer is layers[-1]:
            weights = weights.mean(dim=0, keepdim=True)
        outputs = [layer.units(state)[unit] for unit, state in enumerate(states)]
        states = [sum(outputs[k] * of_state[..., k, None] for k in range(units)) for of_state in weights]
        of_layers.append(weights[:, rows, ends])
    contexts = []
    for context in itertools.product(range(units), repeat=len(layers)):
        probability = of_layers[-1][0, :, context[-1]]
        for layer, weights in enumerate(of_layers[:-1]):
            probability = probability * weights[context[layer + 1], :, context[layer]]
        contexts.append(probability)
    return model.output(states[0])[rows, ends], torch.stack(contexts, dim=1)


@pytest.mark.parametrize(("unit", "layers"), [("sasrec", 2), ("gru", 3)])
def test_the_objective_is_the_one_written_out_over_all_contexts(unit: Any, layers: int, ring: Any) -> None:
    settings = CaseQSection(unit=unit, layers=layers, feed_forward_size=16, dropout=0.0, pseudo_sequences=3)
    model, batch = _model(settings, ring), _batch(ring)
    losses = []
    for model.kl_weight in (0.0, 0.5):
        model.draws.manual_seed(5)
        losses.append(training_loss(model, batch))

    drawn = torch.randint(1, ring.item_count + 1, (3, ring.maximum_history), generator=torch.Generator().manual_seed(5))
    z, posterior = _with_a_state_for_each_context(model, batch.histories, batch.lengths)
    _, of_drawn = _with_a_state_for_each_context(model, drawn, torch.full((3,), ring.maximum_history))
    next_item = torch.nn.functional.cross_entropy(z @ model.item_embedding.weight.T, batch.targets)
    kl = (posterior * (posterior / of_drawn.mean(dim=0)).log()).sum() / len(batch)

    assert posterior.shape == (len(batch), 3**layers)
    torch.testing.assert_close(posterior.sum(dim=1), torch.ones(len(batch), dtype=torch.float64))
    torch.testing.assert_close(log_posterior(model.read(batch.histories, batch.lengths)[1]).exp(), posterior)
    torch.testing.assert_close(losses, [next_item, next_item + 0.5 * kl])
    assert kl.item() > 0.05
    parameters = dict(model.named_parameters())
    for ours, written_out in ((losses[1] - losses[0], 0.5 * kl), (losses[0], next_item)):
        found, expected = (_gradients(loss, parameters) for loss in (ours, written_out))
        torch.testing.assert_close(found, expected)
    assert all(gradient.abs().max() > 0 for name, gradient in _gradients(kl, parameters).items() if ".gate." in name)


def _gradients(loss: torch.Tensor, parameters: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the gradients; zeros for parameters that the loss does not use."""
    found = torch.autograd.grad(
        loss, [*parameters.values()], retain_graph=True, materialize_grads=True, allow_unused=True
    )
    return dict(zip(parameters, found, strict=True))


def test_divergence_of_a_case_computed_by_hand() -> None:
    posterior = log_posterior([torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()])
    torch.testing.assert_close(posterior.exp(), torch.tensor([[1, 3, 1, 3]]) / 8)
    prior = log_mean(torch.tensor([[0.1, 0.9], [0.4, 0.6]]).log())
    torch.testing.assert_close(prior.exp(), torch.tensor([0.25, 0.75]))
    # Half of log 2 and half of log 2/3 for the first row, zero for the second.
    rows = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    assert divergence(rows, prior).item() == pytest.approx(0.25 * math.log(4 / 3))


def test_a_gate_that_is_certain_gives_finite_numbers() -> None:
    logits = torch.tensor([[800.0, 0.0], [-800.0, 0.0]], requires_grad=True)
    posterior = logits.log_softmax(dim=1)
    value = divergence(posterior, log_mean(posterior))
    value.backward()
    assert value.item() == pytest.approx(math.log(2))
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_measuring_a_loss_leaves_the_draws_of_training_as_they_are(ring: Any) -> None:
    model, batch = _model(CaseQSection(feed_forward_size=16, dropout=0.0), ring), _batch(ring)
    model.draws.manual_seed(1)
    first = training_loss(model, batch)
    model.eval()
    measured = [training_loss(model, batch) for _ in range(2)]
    assert measured[0] == measured[1] != first
    model.train().draws.manual_seed(1)
    assert [training_loss(model, batch), training_loss(model, batch) == first] == [first, False]
    model.draws.manual_seed(2)
    assert training_loss(model, batch) != first
