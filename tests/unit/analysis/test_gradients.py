import logging
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ilora.analysis.gradient_similarity import measure
from ilora.analysis.gradients import adapter_parameters, gradient_grams, make_adapter_differentiable
from ilora.llm.model.collation import Collator, TrainingExample
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.progress import Progress

PADDING = 0
CLUSTERS, BLOCKS, SIZE = 3, 2, 2
SEQUENCE_IDS = np.arange(CLUSTERS * BLOCKS * SIZE).reshape(CLUSTERS * BLOCKS, SIZE)

Build = Callable[[int | None], HybridLanguageModel]
Example = Callable[[int], TrainingExample]


def compute(
    model: HybridLanguageModel, example: Example, sequence_ids: NDArray[np.int64], batch_size: int = 8
) -> dict[str, NDArray[np.float64]]:
    with Progress(len(sequence_ids), "gradients", logging.getLogger("test")) as progress:
        return gradient_grams(model, example, sequence_ids, PADDING, batch_size, progress)


def textbook_gradients(model: HybridLanguageModel, example: Example) -> dict[str, list[torch.Tensor]]:
    """Return one gradient per cluster and module, of the mean of its blocks' losses in a single graph."""
    gradients: dict[str, list[torch.Tensor]] = {name: [] for name in adapter_parameters(model)}
    for cluster in SEQUENCE_IDS.reshape(CLUSTERS, BLOCKS, SIZE).tolist():
        losses = [model(**Collator(PADDING)([example(row) for row in block]))["loss"] for block in cluster]
        model.zero_grad()
        torch.stack(losses).mean().backward()
        for name, parameters in adapter_parameters(model).items():
            found = [parameter.grad for parameter in parameters]
            gradients[name].append(torch.cat([grad.flatten() for grad in found if grad is not None]).clone())
    return gradients


@pytest.mark.parametrize("experts", [None, 2])
def test_cosines_are_those_of_a_textbook_computation(build: Build, example: Example, experts: int | None) -> None:
    model = build(experts).double()
    make_adapter_differentiable(model)
    expected = {name: torch.stack(rows) for name, rows in textbook_gradients(model, example).items()}
    grams = compute(model, example, SEQUENCE_IDS)
    assert list(grams) == list(expected) and len(grams) == 4
    for name, gradients in expected.items():
        unit = torch.nn.functional.normalize(gradients, dim=1)
        found = measure(grams[name].reshape(CLUSTERS, BLOCKS, CLUSTERS, BLOCKS)).cosine
        assert found == pytest.approx((unit @ unit.T).numpy(), abs=1e-6)
        assert np.abs(found - np.eye(CLUSTERS)).max() > 0.01


def test_the_result_does_not_depend_on_the_batch_size(build: Build, example: Example) -> None:
    model = build(2)
    make_adapter_differentiable(model)
    sequence_ids = SEQUENCE_IDS.reshape(2, 6)
    whole, one_by_one = compute(model, example, sequence_ids), compute(model, example, sequence_ids, batch_size=1)
    for name, gram in whole.items():
        assert one_by_one[name] == pytest.approx(gram, rel=1e-4)


@pytest.mark.parametrize("experts", [None, 2])
def test_gradient_checkpointing_recomputes_layers_and_changes_nothing(
    build: Build, example: Example, experts: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, checkpointed = build(experts), build(experts)
    make_adapter_differentiable(plain)
    checkpointed.gradient_checkpointing_enable()
    make_adapter_differentiable(checkpointed)
    passes = []
    checkpointed.causal_model.get_decoder().layers[0].mlp.register_forward_pre_hook(lambda *_: passes.append(1))
    expected, found = compute(plain, example, SEQUENCE_IDS[:2]), compute(checkpointed, example, SEQUENCE_IDS[:2])
    assert len(passes) == 4  # two blocks, in forward and again in backward
    for name, gram in expected.items():
        assert found[name] == pytest.approx(gram, rel=1e-5)


def test_nothing_but_the_adapter_has_a_gradient_and_nothing_is_random(build: Build, example: Example) -> None:
    model = build(2).train()
    make_adapter_differentiable(model)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained and all("lora_A" in name or "lora_B" in name for name in trained)
    first, second = compute(model, example, SEQUENCE_IDS[:2]), compute(model, example, SEQUENCE_IDS[:2])
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_gradient_that_is_not_finite_is_refused(build: Build, example: Example) -> None:
    model = build(None)
    make_adapter_differentiable(model)
    with torch.no_grad():
        next(iter(adapter_parameters(model).values()))[1].fill_(float("inf"))
    with pytest.raises(FloatingPointError, match="NaN or infinite"):
        compute(model, example, SEQUENCE_IDS[:1])
